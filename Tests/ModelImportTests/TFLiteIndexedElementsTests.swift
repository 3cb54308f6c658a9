import CupelFloatGraph
import CupelModelImport
import CupelTFLiteSchema
import Testing

/// GATHER_ND, SCATTER_ND and DYNAMIC_UPDATE_SLICE with constant indices, of numbers that count up.
/// LiteRT 2.3.0 gives the same.
@Suite struct TFLiteIndexedElementsTests {
  /// Inputs of those shapes, an output, and an operator that also reads a list of indices.
  private func model(
    _ operation: TFLite.Operation, _ inputs: [[Int]], _ indices: [Int], of shape: [Int],
    to output: [Int], isFloat: Bool
  ) -> TFLiteSource {
    var source = TFLiteSource()
    source.tensors = (inputs + [output]).map {
      isFloat
        ? TFLiteSource.tensor($0, type: .float32, scale: [], zero: []) : TFLiteSource.tensor($0)
    }
    source.inputs = Array(inputs.indices)
    source.outputs = [inputs.count]
    let list = source.constant(
      indices.flatMap { FlatNode.littleEndian($0, 4) }, shape, type: .int32)
    var reads = source.inputs + [list]
    if operation == .scatterND {
      let extents = source.constant(
        output.flatMap { FlatNode.littleEndian($0, 4) }, [output.count], type: .int32)
      reads = [list, 0, extents]
    }
    source.add(operation, reads, source.outputs)
    return source
  }

  /// Each input begins a hundred above the one before.
  private func expectGiven(
    _ expected: [Int], _ operation: TFLite.Operation, _ inputs: [[Int]], _ indices: [Int],
    of shape: [Int], to output: [Int]
  ) throws {
    let values = inputs.enumerated().map { place, shape in
      (0..<shape.reduce(1, *)).map { 100 * place + $0 }
    }
    let float = model(operation, inputs, indices, of: shape, to: output, isFloat: true)
    let graph = try TFLiteImporter.load(bytes: float.bytes).floatGraph()
    let tensors = zip([graph.input] + graph.furtherInputs, values).map { index, values in
      Tensor(batch: 1, shape: graph.values[index].shape, values: values.map(Float.init))
    }
    let result = try FloatExecutor(graph: graph, threads: 1).run(tensors)[0]
    #expect(result.values.map { Int($0) } == expected)
    guard operation != .scatterND, inputs.count == 1 else { return }
    let integer = model(operation, inputs, indices, of: shape, to: output, isFloat: false)
    let program = try TFLiteImporter.load(bytes: integer.bytes).integerProgram()
    #expect(try run(program, on: values[0].map { Int8($0) }).map { Int($0) } == expected)
  }

  @Test func gathers() throws {
    // Rows 1 and 0 of matrices 0 and 2, and of 2 once more.
    try expectGiven(
      [2, 3, 8, 9, 8, 9], .gatherND, [[3, 2, 2, 1]], [0, 1, 2, 0, 2, 0], of: [3, 2],
      to: [3, 2, 1])
    try expectGiven(
      [8, 9, 10, 11], .gatherND, [[3, 2, 2, 1]], [2], of: [1, 1], to: [1, 2, 2, 1])
    try expectGiven(
      [7, 0], .gatherND, [[3, 2, 2, 1]], [1, 1, 1, 0, 0, 0], of: [2, 3], to: [2, 1])
  }

  @Test func scatters() throws {
    try expectGiven(
      [2, 3, 0, 0, 0, 1], .scatterND, [[2, 2]], [2, 0], of: [2, 1], to: [3, 2])
    try expectGiven([0, 0, 1, 0, 0, 0], .scatterND, [[2]], [0, 1, 0, 2], of: [2, 2], to: [2, 3])
  }

  @Test func updates() throws {
    try expectGiven(
      [0, 1, 2, 100, 101, 5], .dynamicUpdateSlice, [[6], [2]], [3], of: [1], to: [6])
    // Whole rows, and an update that would reach over the end.
    try expectGiven(
      [0, 1, 2, 3, 100, 101], .dynamicUpdateSlice, [[3, 2], [1, 2]], [9, 0], of: [2], to: [3, 2])
    try expectGiven(
      [0, 100, 2, 101, 4, 5], .dynamicUpdateSlice, [[3, 2], [2, 1]], [-4, 1], of: [2], to: [3, 2])
    try expectGiven(
      [100, 101], .dynamicUpdateSlice, [[2], [2]], [1], of: [1], to: [2])
  }

  /// Integers, with the update a constant.
  @Test func updatesOfIntegers() throws {
    var source = TFLiteSource.pair([3, 2])
    let update = source.constant([50, 51], [2, 1])
    let start = source.constant(
      [1, 1].flatMap { FlatNode.littleEndian($0, 4) }, [2], type: .int32)
    source.add(.dynamicUpdateSlice, [0, update, start], [1])
    let program = try TFLiteImporter.load(bytes: source.bytes).integerProgram()
    #expect(try run(program, on: [0, 1, 2, 3, 4, 5]) == [0, 1, 2, 50, 4, 51])
  }

  /// Of 16 bits, in an order that is no slice.
  @Test func gathersOfWideIntegers() throws {
    var source = TFLiteSource()
    source.tensors = [[4, 1], [3, 1]].map { TFLiteSource.tensor($0, type: .int16) }
    let rows = source.constant(
      [3, 0, 1].flatMap { FlatNode.littleEndian($0, 4) }, [3, 1], type: .int32)
    source.add(.gatherND, [0, rows], [1])
    let program = try TFLiteImporter.load(bytes: source.bytes).integerProgram()
    // 258, 516, −2 and 1027, the lower byte first.
    #expect(try run(program, on: [2, 1, 4, 2, -2, -1, 3, 4]) == [3, 4, 2, 1, 4, 2])
  }

  private func refusal(_ source: TFLiteSource) -> String {
    do throws(ImportError) {
      _ = try TFLiteImporter.load(bytes: source.bytes)
      return ""
    } catch {
      return error.description
    }
  }

  @Test(arguments: [true, false])
  func indicesAreChecked(_ isFloat: Bool) {
    func gather(_ indices: [Int], of shape: [Int]) -> String {
      refusal(model(.gatherND, [[3, 2]], indices, of: shape, to: [1, 2], isFloat: isFloat))
    }
    #expect(gather([2], of: [1, 1]) == "")
    #expect(gather([3], of: [1, 1]).contains("GATHER_ND): index 3 of axis 0"))
    #expect(gather([-1], of: [1, 1]).contains("index -1"))
    #expect(gather([0, 0, 0], of: [1, 3]).contains("indices of shape [1, 3]"))
    #expect(gather([0], of: []).contains("indices of shape []"))
    #expect(gather([0, 1], of: [2, 1]).contains("is declared"))
    func update(_ shape: [Int], _ start: [Int]) -> String {
      refusal(
        model(
          .dynamicUpdateSlice, [[3, 2], shape], start, of: [start.count], to: [3, 2],
          isFloat: isFloat))
    }
    #expect(update([1, 1], [0, 0]) == "")
    #expect(update([4, 1], [0, 0]).contains("an update of [4, 1]"))
    #expect(update([1], [0]).contains("an update of [1]"))
    #expect(update([1, 1], [0]).contains("at [0]"))
  }

  @Test func placesAreWrittenOnce() {
    func scatter(_ indices: [Int], _ shape: [Int], updates: [Int] = [2, 2]) -> String {
      refusal(model(.scatterND, [updates], indices, of: shape, to: [3, 2], isFloat: true))
    }
    #expect(scatter([0, 1], [2, 1]) == "")
    #expect(scatter([1, 1], [2, 1]).contains("SCATTER_ND (indices that name a place twice)"))
    #expect(scatter([0, 3], [2, 1]).contains("index 3"))
    #expect(scatter([0, 1], [2, 1], updates: [3, 2]).contains("2 rows of 2 elements"))
  }
}
