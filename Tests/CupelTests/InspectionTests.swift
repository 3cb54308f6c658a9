import Cupel
import Foundation
import Testing

/// What is told of a model, and of two.
@Suite struct InspectionTests {
  private func rounded(_ scheme: String) throws -> (file: TemporaryFolder, model: IntegerModel) {
    let folder = try TemporaryFolder()
    let path = folder.file("\(scheme).cupel")
    try Workbench(
      Samples.clean(), images: Samples.training().prefix(32), context: RunContext(threads: 2)
    ).rounded(Scheme(scheme)).write(to: path)
    return (folder, try IntegerModel(path: path))
  }

  /// Rounding changes how a network computes, and not how much.
  @Test func integersHaveTheFloatModelsWork() throws {
    let float = try Samples.clean()
    let (_, integer) = try rounded("w4a8")
    let summaries = [ModelSummary(float: float), ModelSummary(integer: integer)]
    #expect(summaries.map(\.kind) == ["float", "integer"])
    #expect(summaries[0].macs == summaries[1].macs)
    #expect(summaries[0].sha256 == float.sha256)
    #expect(summaries[1].metadata["origin.sha256"] == float.sha256)
    // Half a byte a weight instead of four bytes.
    #expect(summaries[1].weightBytes * 7 < summaries[0].weightBytes)
    #expect(summaries[1].arena?.bytesInUse.max() == summaries[1].tensorArenaLowerBound)
  }

  @Test func modelsEqualThemselvesAndDifferInProfiles() throws {
    let (folder, first) = try rounded("w8a8")
    let path = folder.file("w8a8.cupel")
    func compare(_ profile: DeploymentProfile) throws -> TensorComparison {
      try TensorComparison(
        first, with: IntegerModel(path: path, profile: profile),
        on: { try Samples.test().prefix(20) }, preprocessing: nil,
        context: RunContext(threads: 1))
    }
    let same = try compare(.tflm)
    #expect(same.rows.count == same.tensorCount)
    #expect(same.rows.allSatisfy { $0.differing == 0 && $0.elements > 0 })
    let other = try compare(.xnnpack)
    #expect(other.rows.contains { $0.differing > 0 })
    #expect(other.rows.first?.differing == 0)
  }

  /// Nobody's folder tells of a file that was moved, and nothing is guessed.
  @Test func preprocessingIsNotGuessed() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("alone.onnx")
    try copy(Samples.clean().path, to: path)
    let model = try FloatModel(path: path)
    #expect(throws: UnknownPreprocessing.self) { try model.preprocessing() }
    let told = Preprocessing(mean: [0.286], std: [0.353])
    #expect(try model.preprocessing(told) == told)
    #expect(throws: PreprocessingError.self) {
      try model.preprocessing(Preprocessing(mean: [0.1, 0.2], std: [1]))
    }
  }

  private func copy(_ source: String, to target: String) throws {
    try FileManager.default.copyItem(atPath: source, toPath: target)
  }
}
