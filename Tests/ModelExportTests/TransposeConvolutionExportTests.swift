import CupelFixedPoint
import CupelIntegerOperators
import CupelModelExport
import CupelModelImport
import CupelModelWriter
import Testing

/// Transposed convolutions; what LiteRT computes with them is recorded in `LiteRTGoldenTests`.
@Suite struct TransposeConvolutionExportTests {
  /// From 4 × 4 pixels of 2 channels.
  private static func program(
    _ window: Window, groups: Int = 1, to extent: [Int], scales: [Float] = [0.01, 0.02],
    bits: Int = 8
  ) -> IntegerProgram {
    let count = 2 * window.taps * 2 / groups
    let weighted = IntegerOperation.Weighted(
      bits: bits, weights: (0..<count).map { Int8($0 * 7 % 15 - 7) }, bias: [5, -7],
      scales: scales.map { .init(weightScale: $0, multiplier: 0, shift: 0) },
      rounding: .doubleRounding, low: -128, high: 127)
    return Programs.single(
      .transposeConvolution(.init(window, groups: groups, weighted)),
      input: Programs.tensor(4, 4, 2, zeroPoint: 3, name: "in"),
      output: Programs.tensor(extent[0], extent[1], 2, scale: 0.3, zeroPoint: -4, name: "out"))
  }

  private static func notes(_ exported: ExportedModel) -> [ExportNote.Subject] {
    exported.withoutDoubts.map(\.subject)
  }

  /// What the file cannot say is said in words of its own, and only that.
  @Test func formsAreSaidInNotes() throws {
    let plain = Self.program(
      Window(kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 2), to: [9, 9])
    #expect(try TFLiteExporter.export(plain).notes.isEmpty)
    #expect(try Self.notes(OnnxExporter.export(plain)).isEmpty)
    let dilated = Self.program(
      Window(kernelHeight: 2, kernelWidth: 3, dilationHeight: 2), to: [6, 6])
    let zeros = ExportNote.Subject.rewritten(
      as: "a layer with zeros for its groups and dilation")
    #expect(try Self.notes(TFLiteExporter.export(dilated)) == [zeros])
    #expect(try Self.notes(OnnxExporter.export(dilated)).isEmpty)
    let grouped = Self.program(
      Window(kernelHeight: 2, kernelWidth: 2), groups: 2, to: [5, 5])
    #expect(try Self.notes(TFLiteExporter.export(grouped)) == [zeros])
    #expect(
      try Self.notes(OnnxExporter.export(grouped))
        == [.rewritten(as: "a layer with zeros for its groups")])
    // Groups of one scale are groups in ONNX.
    let alike = Self.program(
      Window(kernelHeight: 2, kernelWidth: 2), groups: 2, to: [5, 5], scales: [0.01, 0.01])
    #expect(try Self.notes(OnnxExporter.export(alike)).isEmpty)
  }

  /// LiteRT 2.3.0 gives a layer with gaps between its windows to XNNPACK where the padding is VALID,
  /// and keeps it where it is SAME: read under that profile the two round differently.
  @Test func gapsArePaddedSoThatXnnpackTakesTheLayer() throws {
    var program = Self.program(
      Window(kernelHeight: 1, kernelWidth: 2, strideHeight: 2, strideWidth: 2), to: [7, 8])
    guard case .transposeConvolution(var layer) = program.operations[0].kind else {
      Issue.record("no transposed convolution")
      return
    }
    layer.weights.rounding = .float32HalfEven
    program.operations[0].kind = .transposeConvolution(layer)
    let bytes = try TFLiteExporter.export(program).bytes
    guard case .integer(let again) = try ModelImporter.load(bytes: bytes, profile: .xnnpack) else {
      Issue.record("a float model")
      return
    }
    #expect(Programs.weighted(again).map(\.rounding) == [.float32HalfEven])
    let inputs = Programs.inputs(program, images: 4, seed: 6)
    #expect(
      try Programs.outputs(program, .xnnpack, inputs) == Programs.outputs(again, .xnnpack, inputs))
  }

  /// Every padding, dilation, group and number of bits computes the same once it is read again.
  @Test func randomProgramsComputeTheSame() throws {
    var (written, compared) = (0, 0)
    for seed in 0..<150 as Range<UInt64> {
      let program = Programs.random(seed: seed, from: Programs.transposed)
      guard (try? CupelWriter.bytes(of: program)) != nil else { continue }
      let inputs = Programs.inputs(program, images: 2, seed: seed)
      for (profile, exported) in [
        (DeploymentProfile.litertReference, try TFLiteExporter.export(program)),
        (.onnxruntime, try OnnxExporter.export(program)),
      ] {
        written += 1
        if exported.withoutDoubts.contains(where: \.changesResults) { continue }
        let again: IntegerProgram
        do {
          again = try Programs.imported(exported.bytes)
        } catch let error as ImportError {
          // Not everything that is written is read yet.
          #expect(!error.description.isEmpty)
          continue
        }
        #expect(
          try Programs.outputs(program, profile, inputs)
            == Programs.outputs(again, profile, inputs), "seed \(seed), \(profile)")
        compared += 1
      }
    }
    #expect(written > 200, "\(written) written, \(compared) compared")
  }

  @Test func otherMultipliersAreRefused() throws {
    var program = Self.program(Window(kernelHeight: 1, kernelWidth: 1), to: [4, 4])
    if case .transposeConvolution(var own) = program.operations[0].kind {
      own.weights.scales[1].multiplier += 5000
      program.operations[0].kind = .transposeConvolution(own)
    }
    #expect(
      throws: ExportError.operation(
        name: "op", "the multiplier of channel 1 is not the one that follows from the scales")
    ) { try TFLiteExporter.export(program) }
  }
}
