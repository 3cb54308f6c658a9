import Testing

/// Functions of one value, products and transposed convolutions against ONNX Runtime:
/// `tools/golden/onnx_functions.py`.
@Suite struct FunctionGoldenTests {
  static let golden = Result { try OnnxGolden("functions.json") }
  static var floatCases: [OnnxGolden.Case] { (try? golden.get().float) ?? [] }
  static var quantizedCases: [OnnxGolden.Case] { (try? golden.get().quantized) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["onnxruntime"] == "1.31.1")
    #expect(golden.float.count == 12)
    #expect(golden.quantized.count == 18)
  }

  @Test(arguments: floatCases)
  func floatModel(_ golden: OnnxGolden.Case) throws { try golden.checkFloat() }

  /// Bit for bit, but for layers that ONNX Runtime computes in float.
  @Test(arguments: quantizedCases)
  func quantizedModel(_ golden: OnnxGolden.Case) throws {
    try golden.checkQuantized(isOptimized: true)
  }
}
