import CupelFloatGraph
import CupelModelImport
import CupelTFLiteSchema
import Testing

/// What a file's outputs may be beside what operators compute, and constants of forms of their own.
@Suite struct TFLiteEndsTests {
  private static func real(_ shape: [Int]) -> FlatNode {
    TFLiteSource.tensor(shape, type: .float32, scale: [], zero: [])
  }

  private static func words(_ values: [Float]) -> [UInt8] {
    values.flatMap { FlatNode.littleEndian(Int($0.bitPattern), 4) }
  }

  /// RELU, DEQUANTIZE and a function of the real numbers.
  private func ending(_ operation: TFLite.Operation, beta: Float, rows: Int = 1) -> TFLiteSource {
    var source = TFLiteSource.pair([rows, 3])
    source.tensors += [Self.real([rows, 3]), Self.real([rows, 3])]
    source.add(.relu, [0], [1])
    source.add(.dequantize, [1], [2])
    source.add(operation, [2], [3], options: [TFLite.Options.Softmax.beta: .float(beta)])
    source.outputs = [3]
    return source
  }

  /// It changes no class, so the program gives what it reads.
  @Test(arguments: [TFLite.Operation.softmax, .logSoftmax])
  func softmaxOfRealNumbersIsLeftOut(_ operation: TFLite.Operation) throws {
    let program = try TFLiteImporter.load(bytes: ending(operation, beta: 1).bytes).integerProgram()
    #expect(try run(program, on: [7, -3, 9]) == [7, 0, 9])
    let rows = try #require(refusal(ending(operation, beta: 1, rows: 2)))
    #expect(rows.contains("SOFTMAX (of several rows of real numbers) at '#2'"))
  }

  @Test func softmaxThatTurnsClassesRoundIsRefused() throws {
    let text = try #require(refusal(ending(.softmax, beta: -1)))
    #expect(text.contains("SOFTMAX (a float activation in an integer model)"))
  }

  @Test func logSoftmaxOfIntegersIsRefused() throws {
    var source = TFLiteSource.pair([1, 3])
    source.add(.logSoftmax, [0], [1])
    #expect(refusal(source)?.contains("LOG_SOFTMAX (of integers;") == true)
  }

  private func withConstant(_ values: [Float], bytes: Int? = nil) -> TFLiteSource {
    var source = TFLiteSource()
    source.tensors = [Self.real([1, 2]), Self.real([1, 2])]
    source.add(.relu, [0], [1])
    let content = Self.words(values)
    let constant = source.constant(
      Array(content.prefix(bytes ?? content.count)), [values.count], type: .float32, scale: [],
      zero: [])
    source.outputs = [1, constant]
    return source
  }

  @Test func anOutputMayBeAConstant() throws {
    let graph = try TFLiteImporter.load(bytes: withConstant([5, 6, 7]).bytes).floatGraph()
    let outputs = try FloatExecutor(graph: graph, threads: 1)
      .run([Tensor(batch: 1, shape: [2], values: [-1, 2])])
    #expect(outputs.map(\.values) == [[0, 2], [5, 6, 7]])
    #expect(refusal(withConstant([5, 6, 7], bytes: 8))?.contains("not whole") == true)
    #expect(refusal(withConstant([5, .nan]))?.contains("not finite") == true)
  }

  /// Two outputs of four weights each, a scale for every two.
  private func blockwise(
    size: Int = 2, scales: [Float] = [1, 2, 0.5, 4], tensor: Int? = nil, zeroPoints: Int = -1
  ) -> TFLiteSource {
    typealias Field = TFLite.BlockwiseQuantization
    var source = TFLiteSource()
    source.tensors = [Self.real([1, 4]), Self.real([1, 2])]
    // In float16: 1, 2, 0.5, 4 and the like have no more than their exponent.
    let halves = scales.map { UInt16(truncatingIfNeeded: (Int($0.exponent) + 15) << 10) }
    let factors = source.constant(
      halves.flatMap { FlatNode.littleEndian(Int($0), 2) }, [scales.count], type: .float16,
      scale: [], zero: [])
    source.buffers.append(.table([TFLite.Buffer.data: .bytes([0x21, 0x83, 0x7F, 0xF0])]))
    source.tensors.append(
      .table([
        TFLite.Tensor.shape: .int32s([2, 4]),
        TFLite.Tensor.type: .int8(Int(TFLite.ElementType.int4.rawValue)),
        TFLite.Tensor.buffer: .int32(source.buffers.count - 1),
        TFLite.Tensor.quantization: .table([
          TFLite.Quantization.detailsType: .int8(Int(Field.type)),
          TFLite.Quantization.details: .table([
            Field.scales: .int32(tensor ?? factors), Field.zeroPoints: .int32(zeroPoints),
            Field.blockSize: .int32(size),
          ]),
        ]),
      ]))
    source.add(.fullyConnected, [0, source.tensors.count - 1, -1], [1])
    return source
  }

  /// Weights of 1 2 | 2 · 3 2 · −8 and 0.5 · −1 0.5 · 7 | 0 4 · −1.
  @Test func weightsInBlocksAreRealNumbers() throws {
    let graph = try TFLiteImporter.load(bytes: blockwise().bytes).floatGraph()
    let executor = try FloatExecutor(graph: graph, threads: 1)
    let columns: [[Float]] = [[1, -0.5], [2, 3.5], [6, 0], [-16, -4]]
    for (place, expected) in columns.enumerated() {
      var input = [Float](repeating: 0, count: 4)
      input[place] = 1
      let output = try executor.run(Tensor(batch: 1, shape: [4], values: input))
      #expect(output.values == expected)
    }
  }

  @Test func blocksAreChecked() {
    #expect(refusal(blockwise(size: 0))?.contains("blocks of 0 elements") == true)
    #expect(refusal(blockwise(size: 3))?.contains("blocks of 3 elements") == true)
    #expect(refusal(blockwise(scales: [1, 2]))?.contains("2 scales for 4 blocks") == true)
    #expect(refusal(blockwise(tensor: 99))?.contains("blocks of 2 elements") == true)
    #expect(refusal(blockwise(tensor: -1))?.contains("blocks of 2 elements") == true)
    #expect(refusal(blockwise(tensor: 0))?.contains("not a constant") == true)
    #expect(refusal(blockwise(zeroPoints: 2))?.contains("have zero points") == true)
  }
}
