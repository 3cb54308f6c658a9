import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelExport
import CupelModelFormat
import CupelModelImport
import CupelModelWriter
import Testing

/// Quantized ONNX files written from programs, read by the importer, which has ONNX Runtime's integers
/// to answer to.
@Suite struct OnnxExportTests {
  /// Not one number, name or operation is lost.
  @Test(arguments: TFLiteExportTests.quantized)
  func programComesBackWhole(_ name: String) throws {
    let program = try Programs.quantized(name)
    let exported = try OnnxExporter.export(program)
    #expect(exported.withoutDoubts.isEmpty)
    #expect(try Programs.imported(exported.bytes) == program)
    #expect(try OnnxExporter.export(program) == exported)
  }

  @Test func randomProgramsComputeTheSame() throws {
    var compared = 0
    for seed in 0..<200 as Range<UInt64> {
      let program = Programs.random(seed: seed, from: Programs.common)
      guard (try? CupelWriter.bytes(of: program)) != nil else { continue }
      let exported = try OnnxExporter.export(program)
      if exported.withoutDoubts.contains(where: \.changesResults) { continue }
      let again: IntegerProgram
      do {
        again = try Programs.imported(exported.bytes)
      } catch let error as ImportError {
        // Padding of more than the kernel's reach, and pooling with padding, have limits there.
        #expect(!error.description.isEmpty)
        continue
      }
      let inputs = Programs.inputs(program, images: 2, seed: seed)
      // RoundingGoldenTests has averages, against ONNX Runtime itself.
      let hasAverage = program.operations.contains {
        if case .averagePool = $0.kind { true } else { false }
      }
      if hasAverage { continue }
      #expect(
        try Programs.outputs(program, .onnxruntime, inputs)
          == Programs.outputs(again, .onnxruntime, inputs), "seed \(seed)")
      compared += 1
    }
    #expect(compared > 80, "\(compared)")
  }

  /// ONNX Runtime's operators take no int4 activations, and multiply int4 weights in float32, which is
  /// told. Exact, the file has no int4 at all.
  @Test func fourBitsAreWrittenSoThatOnnxRuntimeLoadsThem() throws {
    let program = Programs.single(
      .requantize(
        .init(
          .init(
            ratio: 0.5, multiplier: 1 << 30, shift: 0, rounding: .float32HalfEven, low: -8,
            high: 7))),
      input: Programs.tensor(1, 1, 5, scale: 0.1, name: "in"),
      output: IntegerTensor(
        name: "out", height: 1, width: 1, channels: 5, bits: 4, zeroPoint: 0, scale: 0.2))
    let exported = try OnnxExporter.export(program)
    let text = String(decoding: exported.bytes, as: UTF8.self)
    #expect(text.contains("zero/uint8/128") && !text.contains("int4"))
    #expect(text.contains("Clip"))
    let layers = try Programs.quantized("qdq-u8s4-vgg")
    let plain = try OnnxExporter.export(layers)
    let wide = try OnnxExporter.export(layers, widening: true)
    #expect(plain.changesResults && !wide.changesResults)
    #expect(wide.bytes.count > plain.bytes.count)
    let inputs = Programs.inputs(layers, images: 2, seed: 3)
    #expect(
      try Programs.outputs(Programs.imported(wide.bytes), .onnxruntime, inputs)
        == Programs.outputs(layers, .onnxruntime, inputs))
  }

  /// A softmax comes back as the integer softmax that it was.
  @Test func softmaxComesBack() throws {
    let scale: Float = 0.11
    let ratio = try #require(Multiplier(Double(scale) * 0x1p25))
    let program = Programs.single(
      .softmax(.init(multiplier: ratio.value, leftShift: ratio.shift + 1)),
      input: Programs.tensor(1, 1, 5, scale: scale, zeroPoint: 9, name: "in"),
      output: Programs.tensor(1, 1, 5, scale: 1 / 256, zeroPoint: -128, name: "out"))
    let again = try Programs.imported(OnnxExporter.export(program).bytes)
    let inputs = Programs.inputs(program, images: 20, seed: 8)
    #expect(again.operations.count == 1)
    #expect(
      try Programs.outputs(program, .tflm, inputs) == Programs.outputs(again, .tflm, inputs))
  }

  /// ONNX Runtime turns an average pooling into QLinearAveragePool, attributes and all, and then refuses
  /// dilations, which that one does not have.
  @Test func poolingsStateNoDilationsOfOne() throws {
    func states(_ word: String, _ bytes: [UInt8]) -> Bool {
      String(decoding: bytes, as: UTF8.self).contains(word)
    }
    let input = Programs.tensor(4, 4, 1, name: "in")
    let pool = Programs.single(
      .averagePool(.init(.init(kernelHeight: 2, kernelWidth: 2))), input: input,
      output: Programs.tensor(3, 3, 1, name: "out"))
    #expect(!states("dilations", try OnnxExporter.export(pool).bytes))
    let dilated = Programs.single(
      .maxPool(.init(.init(kernelHeight: 2, kernelWidth: 2, dilationHeight: 2))), input: input,
      output: Programs.tensor(2, 3, 1, name: "out"))
    #expect(states("dilations", try OnnxExporter.export(dilated).bytes))
  }

  /// A table of which nobody says what it holds.
  @Test func whatHasNoFormIsRefused() {
    let table = Programs.single(
      .lookup(.init(table: [Int8](repeating: 0, count: 256))),
      input: Programs.tensor(1, 1, 3, name: "in"), output: Programs.tensor(1, 1, 3, name: "out"))
    for (format, export) in [
      ("ONNX", { program throws(ExportError) in try OnnxExporter.export(program) }),
      ("TensorFlow Lite", { program throws(ExportError) in try TFLiteExporter.export(program) }),
    ] as [(String, (IntegerProgram) throws(ExportError) -> ExportedModel)] {
      #expect(
        throws: ExportError.operation(
          name: "op",
          "its table names no function, and \(format) has no operator that reads tables")
      ) { try export(table) }
    }
  }
}
