import CupelFixedPoint
import CupelModelImport
import CupelTFLiteSchema
import Testing

/// Files that are refused, and what is said of them.
@Suite struct TFLiteErrorTests {
  @Test func theSmallestModelIsAccepted() {
    var source = TFLiteSource.pair()
    source.add(.relu, [0], [1])
    #expect(refusal(source) == nil)
  }

  @Test func everyUnsupportedOperatorIsNamedWithItsIndex() throws {
    var source = TFLiteSource.pair()
    for _ in 0..<4 { source.tensors.append(TFLiteSource.tensor([1, 2, 2, 3])) }
    source.add(16, [0], [2])  // LSTM
    source.add(.relu, [2], [3])
    source.add(32, [0], [4], custom: "Vendor\u{1b}Op")
    source.add(500, [0], [5])
    source.add(.pad, [0, 3], [1])
    let text = try #require(refusal(source))
    #expect(text.contains("LSTM at '#0'"))
    #expect(text.contains("Vendor\u{FFFD}Op (a custom operator"))
    #expect(text.contains("can run) at '#2'"))
    #expect(text.contains("operator 500 at '#3'"))
    // What reads an unsupported operator's output says nothing of its own.
    #expect(!text.contains("RELU"))
    #expect(!text.contains("PAD"))
  }

  /// A custom operator, and an LSTM, read tensors that nothing gives; what they are is the reason,
  /// and what else is wrong with the model comes behind.
  @Test func unsupportedOperatorsGoBeforeWhatTheyRead() throws {
    var source = TFLiteSource.pair()
    source.tensors.append(TFLiteSource.tensor([0]))
    source.tensors += (0..<2).map { _ in TFLiteSource.tensor([1, 2, 2, 3]) }
    source.add(32, [0, 2], [3], custom: "ethos-u")
    source.add(44, [3, 2, -1], [4])  // UNIDIRECTIONAL_SEQUENCE_LSTM
    source.add(71, [4, 4], [1])  // EQUAL
    source.inputs = [0, 1]
    let text = try #require(refusal(source))
    for name in [
      "ethos-u (a custom operator", "UNIDIRECTIONAL_SEQUENCE_LSTM at '#1'", "; EQUAL (",
    ] {
      #expect(text.contains(name))
    }
  }

  /// LiteRT 2.3 registers RELU up to version 3.
  @Test(arguments: [(1, true), (3, true), (4, false), (99, false)])
  func newerVersionsAreRefused(_ version: Int, _ isKnown: Bool) {
    var source = TFLiteSource.pair()
    source.add(.relu, [0], [1])
    source.codes[0] = .table([
      TFLite.OperatorCode.deprecatedBuiltinCode: .int8(19),
      TFLite.OperatorCode.builtinCode: .int32(19),
      TFLite.OperatorCode.version: .int32(version),
    ])
    let text = refusal(source)
    #expect((text == nil) == isKnown)
    #expect(isKnown || text?.contains("RELU (version \(version); 3 is the newest") == true)
  }

  /// LiteRT and TensorFlow Lite Micro refuse to join int8 tensors on different grids; LiteRT also
  /// refuses these of the others.
  @Test func gridsThatMustBeEqualAreCompared() throws {
    func refused(
      _ operation: TFLite.Operation, scale: Float = 0.5, zero: Int = 0,
      constants: (inout TFLiteSource) -> [Int] = { _ in [] }, shape: [Int] = [1, 2, 2, 3],
      profile: DeploymentProfile = .tflm, options: [Int: FlatNode]? = nil
    ) -> Bool {
      var source = TFLiteSource.pair()
      source.tensors[1] = TFLiteSource.tensor(shape, scale: [scale], zero: [zero])
      let more = constants(&source)
      source.add(operation, [0] + more, [1], options: options)
      do throws(ImportError) {
        _ = try TFLiteImporter.load(bytes: source.bytes, profile: profile)
        return false
      } catch {
        #expect(error.description.contains("must have the same scale and zero point"))
        return true
      }
    }
    let last = [TFLite.Options.Concatenation.axis: FlatNode.int32(3)]
    #expect(!refused(.concatenation, options: last))
    #expect(refused(.concatenation, scale: 0.25, zero: -9, options: last))
    #expect(refused(.concatenation, scale: 0.50001, options: last))
    #expect(refused(.concatenation, zero: 1, options: last))
    let front: (inout TFLiteSource) -> [Int] = {
      [$0.constant(FlatNode.littleEndian(0, 4), [1], type: .int32)]
    }
    #expect(!refused(.expandDims, constants: front, shape: [1, 1, 2, 2, 3]))
    #expect(refused(.expandDims, zero: 1, constants: front, shape: [1, 1, 2, 2, 3]))
    let pool = [
      TFLite.Options.Pool.padding: FlatNode.int8(1), TFLite.Options.Pool.strideWidth: .int32(1),
      TFLite.Options.Pool.strideHeight: .int32(1), TFLite.Options.Pool.filterWidth: .int32(1),
      TFLite.Options.Pool.filterHeight: .int32(1),
    ]
    // LiteRT keeps a pool's integers whatever its output's grid.
    for kind in [TFLite.Operation.maxPool2D, .averagePool2D] {
      #expect(!refused(kind, scale: 0.5000001, options: pool))
      #expect(refused(kind, scale: 0.25, options: pool))
      #expect(!refused(kind, scale: 0.25, profile: .litertReference, options: pool))
    }
    func padding(_ zero: Int) -> (inout TFLiteSource) -> [Int] {
      {
        [
          $0.constant([UInt8](repeating: 0, count: 32), [4, 2], type: .int32),
          $0.constant([7], [1], zero: [zero]),
        ]
      }
    }
    #expect(!refused(.padV2, constants: padding(0)))
    #expect(refused(.padV2, constants: padding(1)))
  }

  @Test func unsupportedFormsAreNamedToo() throws {
    var source = TFLiteSource.pair()
    source.tensors += [TFLiteSource.tensor([1, 2, 2, 3]), TFLiteSource.tensor([1, 2, 2, 3])]
    source.add(
      .add, [0, 0], [2], options: [TFLite.Options.Arithmetic.activation: .int8(4)])
    source.add(.pad, [0, 0], [3])
    source.add(.relu, [0], [1])
    let text = try #require(refusal(source))
    #expect(text.contains("ADD (a fused tanh) at '#0'"))
    #expect(text.contains("PAD (the padding that is not a constant) at '#1'"))
  }

  @Test func framesAreChecked() {
    var source = TFLiteSource.pair()
    source.add(.relu, [0], [1])
    let file = source.bytes
    #expect(refusal([]) == "malformed file at byte 0: 0 bytes are no TFL3 file")
    var other = file
    other[7] = 0x34
    #expect(refusal(other)?.contains("byte 4: the file identifier") == true)
    other = file
    other.replaceSubrange(0..<4, with: [0xFF, 0xFF, 0xFF, 0x7F])
    #expect(refusal(other)?.contains("byte 0: an offset leads nowhere") == true)
    other = file
    other.replaceSubrange(0..<4, with: [9, 0, 0, 0])
    #expect(refusal(other)?.contains("not aligned") == true)
    for length in 0..<file.count { #expect(refusal(Array(file[..<length])) != nil) }
  }

  @Test func tensorsOverTheLimitAreRefused() {
    for shape in [
      [1, 65536, 65536, 1], [1, 0x7FFF_FFFF, 2, 1], [1, 0, 4, 3], [-1],
      [1, 1, 1, 1, 1, 1, 1, 2, 1],
    ] {
      var source = TFLiteSource.pair(shape)
      source.add(.relu, [0], [1])
      #expect(refusal(source)?.contains("tensor 't': shape") == true, "\(shape)")
    }
  }

  @Test func partsThatAreNotThereAreRefused() {
    var source = TFLiteSource.pair()
    source.add(.relu, [0], [7])
    #expect(refusal(source)?.contains("tensor 7 does not exist") == true)
    source = .pair()
    source.add(.relu, [1], [1])
    #expect(refusal(source)?.contains("neither an initializer") == true)
    source = .pair()
    source.add(.relu, [0], [0])
    #expect(refusal(source)?.contains("already exists") == true)
    source = .pair()
    source.tensors.append(TFLiteSource.tensor([1, 2], buffer: 9))
    source.add(.relu, [0], [1])
    #expect(refusal(source)?.contains("buffer 9 does not exist") == true)
    source = .pair()
    source.add(.relu, [0], [1])
    source.outputs = [1, 1]
    #expect(refusal(source)?.contains("the same tensor as two outputs") == true)
    source.outputs = []
    #expect(refusal(source)?.contains("no input, or no output") == true)
  }

  @Test func gridsAreChecked() {
    let bad: [(scale: [Float], zero: [Int])] = [
      ([], []), ([0], [0]), ([-1], [0]), ([.infinity], [0]), ([.nan], [0]), ([1], [128]),
      ([1], [-129]), ([1, 2], [0, 0]),
    ]
    for grid in bad {
      var source = TFLiteSource.pair()
      source.tensors[1] = TFLiteSource.tensor([1, 2, 2, 3], scale: grid.scale, zero: grid.zero)
      source.add(.relu, [0], [1])
      #expect(refusal(source)?.contains("tensor 't'") == true, "\(grid)")
    }
  }

  /// A QUANTIZE moves nothing: its declared shapes must agree.
  @Test func quantizeKeepsTheShape() {
    for (from, to) in [([1, 2, 2, 3], [1, 2, 2, 3]), ([1, 2, 2, 3], [1, 4, 1, 3])] {
      var source = TFLiteSource()
      source.tensors = [
        TFLiteSource.tensor(from, type: .float32, scale: [], zero: []), TFLiteSource.tensor(to),
        TFLiteSource.tensor(to),
      ]
      source.add(.quantize, [0], [1])
      source.add(.relu, [1], [2])
      source.outputs = [2]
      let text = refusal(source)
      #expect((text == nil) == (from == to), "\(text ?? "accepted")")
    }
  }

  /// A 1×1 convolution with one thing wrong.
  private func convolution(
    filter: [Int] = [3, 1, 1, 3], bytes: Int = 9, scale: [Float] = [0.1], zero: [Int] = [0],
    bias: Int = 3, stride: Int = 1, padding: Int = 1, output: [Int] = [1, 2, 2, 3]
  ) -> String? {
    var source = TFLiteSource.pair()
    source.tensors[1] = TFLiteSource.tensor(output)
    let weights = source.constant(
      [UInt8](repeating: 1, count: bytes), filter, scale: scale, zero: zero)
    let biases = source.constant([UInt8](repeating: 0, count: 4 * bias), [bias], type: .int32)
    source.add(
      .conv2D, [0, weights, biases], [1],
      options: [
        TFLite.Options.Convolution.padding: .int8(padding),
        TFLite.Options.Convolution.strideWidth: .int32(stride),
        TFLite.Options.Convolution.strideHeight: .int32(stride),
      ])
    return refusal(source)
  }

  @Test func weightsAreChecked() {
    #expect(convolution() == nil)
    #expect(convolution(bytes: 8)?.contains("takes 8 bytes") == true)
    #expect(convolution(filter: [3, 1, 1, 2], bytes: 6)?.contains("on 3 channels") == true)
    #expect(convolution(filter: [3, 3], bytes: 9)?.contains("filter of shape") == true)
    #expect(convolution(scale: [0.1, 0.2])?.contains("2 scales") == true)
    #expect(convolution(scale: [.nan])?.contains("not finite") == true)
    #expect(convolution(scale: [1e30])?.contains("ratio that is too large") == true)
    #expect(convolution(zero: [3])?.contains("a zero point") == true)
    #expect(convolution(bias: 2)?.contains("2 biases for 3") == true)
    #expect(convolution(stride: 0)?.contains("needs 1 or more") == true)
    #expect(convolution(padding: 7)?.contains("unknown padding") == true)
    #expect(convolution(output: [1, 2, 1, 3])?.contains("is declared") == true)
    #expect(
      convolution(filter: [1, 3, 3, 3], bytes: 27, bias: 1, output: [1, 1, 1, 1])?
        .contains("does not fit") == true)
  }

  /// An image of 2 × 2 to `shape` by a kernel of 2 × 2.
  private func transposition(
    _ shape: [Int] = [1, 4, 4, 3], output: [Int]? = nil, filter: [Int] = [3, 2, 2, 3],
    bias: Int = 3, stride: Int = 2, padding: Int = 1, isConstant: Bool = true
  ) -> String? {
    var source = TFLiteSource.pair()
    source.tensors[1] = TFLiteSource.tensor(output ?? shape)
    let weights = source.constant(
      [UInt8](repeating: 1, count: filter.reduce(1, *)), filter, scale: [0.1])
    let biases = source.constant([UInt8](repeating: 0, count: 4 * bias), [bias], type: .int32)
    let extents = source.constant(
      shape.flatMap { FlatNode.littleEndian($0, 4) }, [shape.count], type: .int32)
    source.add(
      .transposeConv, [isConstant ? extents : 0, weights, 0, biases], [1],
      options: [
        TFLite.Options.TransposeConvolution.padding: .int8(padding),
        TFLite.Options.TransposeConvolution.strideWidth: .int32(stride),
        TFLite.Options.TransposeConvolution.strideHeight: .int32(stride),
      ])
    return refusal(source)
  }

  @Test func transposedConvolutionsAreChecked() {
    #expect(transposition() == nil)
    #expect(transposition([1, 5, 4, 3]) == nil)
    let foreign = "that its output has not"
    #expect(transposition(output: [1, 5, 5, 3])?.contains(foreign) == true)
    for shape in [[2, 4, 4, 3], [4, 4, 3], [1, 65536, 65536, 3], [1, -4, 4, 3], [1, 0, 4, 3]] {
      #expect(transposition(shape)?.contains(foreign) == true, "\(shape)")
    }
    #expect(transposition([1, 9, 9, 3])?.contains("4 × 4 places") == true)
    #expect(transposition([1, 1, 4, 3])?.contains("does not fit 1 × 4") == true)
    #expect(transposition(stride: 0x7FFF_FFFF)?.contains("1 × 1 places") == true)
    #expect(transposition(stride: 0)?.contains("needs 1 or more") == true)
    #expect(transposition(padding: 3)?.contains("unknown padding") == true)
    #expect(transposition(filter: [3, 2, 2, 2])?.contains("a filter of shape") == true)
    #expect(transposition(filter: [2, 2, 2, 3])?.contains("a filter of shape") == true)
    #expect(transposition(filter: [3, 4, 3])?.contains("a filter of shape") == true)
    #expect(transposition(bias: 2)?.contains("2 biases for 3") == true)
    #expect(transposition(isConstant: false)?.contains("not a constant") == true)
  }
}
