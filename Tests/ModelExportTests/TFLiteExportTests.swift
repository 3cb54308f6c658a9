import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelExport
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// `.tflite` files written from programs, read by the importer, which has LiteRT's own files and
/// outputs to answer to.
@Suite struct TFLiteExportTests {
  static let quantized = [
    "qdq-u8s8-resnet-a", "qdq-u8s8-vgg", "qdq-u8s8-mobilenet", "qdq-u8s4-vgg",
    "qdq-u8s8-tensor-vgg",
  ]

  @Test(arguments: quantized)
  func everyNumberComesBack(_ name: String) throws {
    let program = try Programs.quantized(name)
    let exported = try TFLiteExporter.export(program)
    let again = try Programs.imported(exported.bytes)
    let (ours, theirs) = (Programs.weighted(program), Programs.weighted(again))
    #expect(ours.map(\.weights) == theirs.map(\.weights))
    #expect(ours.map(\.bias) == theirs.map(\.bias))
    #expect(ours.map(\.bits) == theirs.map(\.bits))
    #expect(
      ours.map { $0.scales.map(\.weightScale) } == theirs.map { $0.scales.map(\.weightScale) })
    let grids = Dictionary(
      again.tensors.map { ($0.name, [$0.scale, Float($0.zeroPoint)]) },
      uniquingKeysWith: { a, _ in a })
    for tensor in program.tensors {
      #expect(grids[tensor.name] == [tensor.scale, Float(tensor.zeroPoint)], "\(tensor.name)")
    }
    let inputs = Programs.inputs(program, images: 3, seed: 1)
    #expect(
      try Programs.outputs(program, .litertReference, inputs)
        == Programs.outputs(again, .litertReference, inputs))
    // The same program gives the same bytes.
    #expect(try TFLiteExporter.export(program) == exported)
  }

  /// Windows, paddings, slices, clamps, 4-bit weights and activations of all sorts.
  @Test func randomProgramsComputeTheSame() throws {
    var compared = 0
    var refused = 0
    for seed in 0..<300 as Range<UInt64> {
      let program = Programs.random(seed: seed, from: Programs.tflite)
      guard (try? CupelWriter.bytes(of: program)) != nil else { continue }
      let exported: ExportedModel
      do {
        exported = try TFLiteExporter.export(program)
      } catch {
        #expect(error.description.contains("average pooling"), "seed \(seed): \(error)")
        refused += 1
        continue
      }
      if exported.withoutDoubts.contains(where: \.changesResults) { continue }
      let again = try Programs.imported(exported.bytes)
      let inputs = Programs.inputs(program, images: 2, seed: seed)
      #expect(
        try Programs.outputs(program, .litertReference, inputs)
          == Programs.outputs(again, .litertReference, inputs), "seed \(seed)")
      compared += 1
    }
    #expect(compared > 100, "\(compared) compared, \(refused) refused")
  }

  /// XNNPACK takes no int4 weights, which is told, and exact, the file has none. TensorFlow Lite
  /// Micro takes them in linear layers with one scale alone; LiteRT's reference kernels take all.
  @Test func fourBitWeightsAreWrittenForTheRuntimeOfTheirRounding() throws {
    func program(_ mode: RoundingMode) throws -> IntegerProgram {
      var program = try Programs.quantized("qdq-u8s4-vgg")
      for index in program.operations.indices {
        switch program.operations[index].kind {
        case .convolution(var own):
          own.weights.rounding = mode
          program.operations[index].kind = .convolution(own)
        case .fullyConnected(var own):
          own.weights.rounding = mode
          program.operations[index].kind = .fullyConnected(own)
        default: break
        }
      }
      return program
    }
    /// Bits of its weights, once it is read again, and how many layers may differ.
    func written(
      _ program: IntegerProgram, widening: Bool = false, _ profile: DeploymentProfile
    ) throws -> (bits: [Int], doubts: Int) {
      let exported = try TFLiteExporter.export(program, widening: widening)
      let again = try Programs.imported(exported.bytes)
      let inputs = Programs.inputs(program, images: 2, seed: 5)
      #expect(
        try Programs.outputs(program, profile, inputs) == Programs.outputs(again, profile, inputs))
      let doubts = exported.notes.count - exported.withoutDoubts.count
      return (Programs.weighted(again).map(\.bits), doubts)
    }
    let xnnpack = try program(.float32HalfEven)
    let plain = try written(xnnpack, .xnnpack)
    #expect(plain.bits == [4, 4, 4, 4] && plain.doubts == 4)
    let exact = try written(xnnpack, widening: true, .xnnpack)
    #expect(exact.bits == [8, 8, 8, 8] && exact.doubts == 0)
    let micro = try written(program(.doubleRounding), .tflm)
    #expect(micro.bits == [4, 4, 8, 8] && micro.doubts == 0)
    let reference = try written(program(.float64HalfAway), .litertReference)
    #expect(reference.bits == [4, 4, 4, 4] && reference.doubts == 0)
  }

  /// A requantization to 4 bits rounds once. For every ratio here each of the 256 inputs gets the
  /// program's own value, by whatever operators the exporter found; only ties below zero, which ratios
  /// such as 1/16 have, go to another side, and are counted.
  @Test func fourBitActivationsAreExact() throws {
    var rewritten = 0
    var ties = 0
    for denominator in [17, 15, 16, 3, 40, 255] {
      for zeroPoint in [-128, -55, 0, 90] {
        for target in [-8, 0, 5] {
          let program = Programs.single(
            .requantize(
              .init(
                .init(
                  ratio: 1, multiplier: 1 << 30, shift: 1, rounding: .singleRounding, low: -8,
                  high: 7))),
            input: Programs.tensor(16, 16, 1, scale: 0.1, zeroPoint: zeroPoint, name: "in"),
            output: Programs.tensor(
              16, 16, 1, scale: 0.1 * Float(denominator), zeroPoint: target, bits: 4, name: "out"))
          let exported = try TFLiteExporter.export(program)
          rewritten += exported.notes.isEmpty ? 0 : 1
          let counted = Self.counted(exported)
          #expect(counted == 0 || denominator % 2 == 0)
          let all = (-128...127).map { Int8($0) }
          let differing = zip(
            try Programs.outputs(program, .litertReference, all),
            try Programs.outputs(Programs.imported(exported.bytes), .litertReference, all)
          ).count { $0 != $1 }
          // The bounds may hide a difference, and nothing else may.
          #expect(differing <= counted)
          ties += differing
        }
      }
    }
    #expect(rewritten > 10)
    #expect(ties > 0)
  }

  /// TensorFlow Lite Micro's SOFTMAX computes something else, without a word, where its output has
  /// other axes than its input: [1, 11] and [1, 1, 1, 11] (tflite-micro 0.dev20261023182759).
  @Test func softmaxHasItsInputsAxes() throws {
    let ratio = try #require(Multiplier(Double(Float(0.11)) * 0x1p25))
    let scale = ChannelScale(weightScale: 0.22, multiplier: 1 << 30, shift: 1)
    var program = IntegerProgram()
    program.tensors = [
      Programs.tensor(1, 1, 2, scale: 0.5, name: "in"),
      Programs.tensor(1, 1, 11, scale: 0.11, zeroPoint: 9, name: "scores"),
      Programs.tensor(1, 1, 11, scale: 1 / 256, zeroPoint: -128, name: "shares"),
    ]
    let weights = IntegerOperation.Weighted(
      bits: 8, weights: (0..<22).map { Int8($0) }, bias: [Int32](repeating: 0, count: 11),
      scales: [ChannelScale](repeating: scale, count: 11), rounding: .doubleRounding, low: -128,
      high: 127)
    program.operations = [
      IntegerOperation(name: "fc", kind: .fullyConnected(.init(weights)), inputs: [0], output: 1),
      IntegerOperation(
        name: "softmax",
        kind: .softmax(.init(multiplier: ratio.value, leftShift: ratio.shift + 1)), inputs: [1],
        output: 2),
    ]
    program.output = 2
    let bytes = try Data(TFLiteExporter.export(program).bytes)
    /// How often the file has a vector of these four-byte integers.
    func count(_ shape: [Int32]) -> Int {
      let numbers = [Int32(shape.count)] + shape
      let pattern = Data(numbers.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) })
      return (0...(bytes.count - pattern.count)).count {
        bytes[$0..<($0 + pattern.count)] == pattern
      }
    }
    #expect(count([1, 1, 1, 11]) == 0)
    #expect(count([1, 11]) == 2)
  }

  /// Accumulators that the notes say are rounded otherwise.
  private static func counted(_ exported: ExportedModel) -> Int {
    exported.notes.reduce(0) { sum, note in
      if case .rounding(let count, _) = note.subject { sum + count } else { sum }
    }
  }

  /// A negative factor moves into weights and bias; −128 has no negative there.
  @Test func negativeScalesAreNegated() throws {
    func program(_ weights: [Int8]) -> IntegerProgram {
      let weighted = IntegerOperation.Weighted(
        bits: 8, weights: weights, bias: [5, -7],
        scales: [
          .init(weightScale: -0.01, multiplier: 0, shift: 0),
          .init(weightScale: 0.02, multiplier: 0, shift: 0),
        ], rounding: .doubleRounding, low: -128, high: 127)
      return Programs.single(
        .fullyConnected(.init(weighted)), input: Programs.tensor(1, 1, 2, zeroPoint: 3, name: "in"),
        output: Programs.tensor(1, 1, 2, scale: 0.05, zeroPoint: -4, name: "out"))
    }
    let exact = program([1, -127, 30, -40])
    let exported = try TFLiteExporter.export(exact)
    #expect(
      exported.notes == [
        ExportNote(operation: "op", subject: .negatedChannels(1, clamped: 0))
      ])
    let again = try Programs.imported(exported.bytes)
    #expect(Programs.weighted(again)[0].weights == [-1, 127, 30, -40])
    #expect(Programs.weighted(again)[0].bias == [-5, -7])
    let inputs = Programs.inputs(exact, images: 500, seed: 4)
    #expect(
      try Programs.outputs(exact, .tflm, inputs) == Programs.outputs(again, .tflm, inputs))

    let clamped = try TFLiteExporter.export(program([1, -128, 30, -128]))
    #expect(
      clamped.notes == [
        ExportNote(operation: "op", subject: .negatedChannels(1, clamped: 1))
      ])
    #expect(clamped.notes[0].changesResults)
    #expect(
      Programs.weighted(try Programs.imported(clamped.bytes))[0].weights == [-1, 127, 30, -128])
  }

  /// What each note promises of a mean holds on every sum that images can have.
  @Test(arguments: [[2, 2], [7, 7], [3, 5], [1, 1]])
  func meansSayHowManySumsDiffer(_ side: [Int]) throws {
    let area = side[0] * side[1]
    let program = Programs.single(
      .mean(
        .init(
          .init(
            ratio: 1, multiplier: 1 << 30, shift: 0, rounding: .doubleRounding, low: -128, high: 127
          ))),
      input: Programs.tensor(side[0], side[1], 1, scale: 0.3, zeroPoint: -100, name: "in"),
      output: Programs.tensor(1, 1, 1, scale: 0.17, zeroPoint: -90, name: "out"))
    let exported = try TFLiteExporter.export(program)
    let again = try Programs.imported(exported.bytes)
    // An image for each sum: as many 127 as fit, one value between, and −128.
    let images = (0...255 * area).map { excess in
      (0..<area).map { Int8(min(max(excess - 255 * $0, 0), 255) - 128) }
    }
    let inputs = images.flatMap { $0 }
    let differing = zip(
      try Programs.outputs(program, .litertReference, inputs),
      try Programs.outputs(again, .litertReference, inputs)
    ).count { $0 != $1 }
    let promised = Self.counted(exported)
    // Sums that saturate hide a difference; none may appear unannounced.
    #expect(differing <= promised)
    #expect(promised <= images.count / 100)
  }

  @Test func whatTFLiteLacksIsRefused() throws {
    let pool = Programs.single(
      .averagePool(
        .init(
          .init(kernelHeight: 3, kernelWidth: 3, padTop: 2, padLeft: 2))),
      input: Programs.tensor(4, 4, 1, name: "in"), output: Programs.tensor(4, 4, 1, name: "out"))
    #expect(throws: ExportError.self) { try TFLiteExporter.export(pool) }
    let dilated = Programs.single(
      .maxPool(.init(.init(kernelHeight: 2, kernelWidth: 2, dilationHeight: 2))),
      input: Programs.tensor(4, 4, 1, name: "in"), output: Programs.tensor(2, 3, 1, name: "out"))
    #expect(throws: ExportError.operation(name: "op", "TensorFlow Lite has no dilated pooling")) {
      try TFLiteExporter.export(dilated)
    }
    var foreign = Programs.single(
      .fullyConnected(
        .init(
          .init(
            bits: 8, weights: [1], bias: [0],
            scales: [.init(weightScale: 0.1, multiplier: 0, shift: 0)], rounding: .doubleRounding,
            low: -128, high: 127))),
      input: Programs.tensor(1, 1, 1, name: "in"), output: Programs.tensor(1, 1, 1, name: "out"))
    if case .fullyConnected(var own) = foreign.operations[0].kind {
      own.weights.scales[0].multiplier += 5000
      foreign.operations[0].kind = .fullyConnected(own)
    }
    #expect(throws: ExportError.self) { try TFLiteExporter.export(foreign) }
  }
}
