import Testing

/// The forms in which exporters write networks, against ONNX Runtime without graph optimizations:
/// `tools/golden/onnx_forms.py`.
@Suite struct FormGoldenTests {
  static let golden = Result { try OnnxGolden("forms.json") }
  static var floatCases: [OnnxGolden.Case] { (try? golden.get().float) ?? [] }
  static var quantizedCases: [OnnxGolden.Case] { (try? golden.get().quantized) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["onnxruntime"] == "1.31.1")
    #expect(golden.float.count == 10)
    #expect(golden.quantized.count == 31)
  }

  @Test(arguments: floatCases)
  func floatModel(_ golden: OnnxGolden.Case) throws { try golden.checkFloat() }

  /// Bit for bit, but next to ties of sums that ONNX Runtime takes in float32.
  @Test(arguments: quantizedCases)
  func quantizedModel(_ golden: OnnxGolden.Case) throws {
    try golden.checkQuantized(isOptimized: false)
  }
}
