import CupelFloatGraph
import CupelModelImport
import Testing

/// Values of any axes, functions, reductions and normalizations against ONNX Runtime:
/// `tools/golden/onnx_axes.py`.
@Suite struct AxesGoldenTests {
  static let golden = Result { try OnnxGolden("axes.json") }
  static var cases: [OnnxGolden.Case] { (try? golden.get().float) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["onnxruntime"] == "1.31.1")
    #expect(golden.float.count == 119)
  }

  @Test(arguments: cases)
  func floatModel(_ golden: OnnxGolden.Case) throws { try golden.checkFloat() }

  /// However a file writes GELU, it is one function, and so one table.
  @Test func functionsInPartsBecomeOne() throws {
    let golden = try #require(Self.cases.first { $0.name == "gelu of erf" })
    let graph = try OnnxImporter.load(bytes: [UInt8](golden.model))
    #expect(graph.nodes.map(\.operation) == [.gelu(isApproximate: false)])
  }
}
