import Cupel
import Testing

/// Purification through the float file.
@Suite struct CenteredModelTests {
  /// Rounding the written file to nearest, as any converter does, gives the purified integers, and
  /// its answers are nearly the vendor's.
  @Test(arguments: ["w8a8", "w8a8.pt", "w4a8"])
  func nearestRoundingOfTheFileIsThePurification(_ name: String) throws {
    let folder = try TemporaryFolder()
    let scheme = try Scheme(name)
    let images = try Samples.training().prefix(64)
    let vendor = try Workbench(Samples.infected(), images: images, schemes: [scheme])
    var settings = Defence.Settings()
    settings.holdsScales = true
    let rounded = try vendor.rounded(scheme, by: .rounding(.lac, .fast), settings: settings)
    let centered = try vendor.centered(rounded)
    try centered.write(to: folder.file("purified.onnx"))
    #expect(centered.network.uncorrected.isEmpty && centered.network.missed.isEmpty)
    #expect(centered.drift.agreement > (name == "w4a8" ? 0.7 : 0.95))

    let made = try FloatModel(path: folder.file("purified.onnx"))
    #expect(made.graph.values == vendor.model.graph.values)
    #expect(made.batchNormalizations == vendor.model.batchNormalizations)
    let workbench = try Workbench(
      made, images: images, preprocessing: vendor.preprocessing, schemes: [scheme])
    let wanted = try #require(rounded.purification).rounded.integers
    #expect(try workbench.plan(scheme).nearest().integers == wanted)
    #expect(try vendor.plan(scheme).nearest().integers != wanted)
  }

  @Test func whatIsNotPurifiedHasNoFloatForm() throws {
    let vendor = try Workbench(
      Samples.infected(), images: Samples.training().prefix(8), schemes: [Scheme("w8a8")])
    #expect(throws: CupelError.self) { try vendor.centered(vendor.rounded(Scheme("w8a8"))) }
  }
}
