import CupelAudit
import CupelDatasets
import CupelFixedPoint
import CupelQuantization
import Foundation
import Testing

@Suite struct AuditInputsTests {
  private func images(_ pixels: [UInt8]) throws -> UnlabelledImages {
    try UnlabelledImages(channels: 1, height: 1, width: 3, pixels: pixels)
  }

  /// FIPS 180-2's own example, "abc", as an image.
  @Test func imagesAreToldByTheirBytes() throws {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let images = try images(Array("abc".utf8))
    let told = AuditInputs.Images(images)
    #expect(told.count == 1 && told.pixels == abc && told.labels == nil)
    let labelled = try ImageSet(
      images: self.images(Array("abcabcabc".utf8)), labels: "abc".utf8.map(Int32.init),
      classCount: 256)
    #expect(AuditInputs.Images(labelled).labels == abc)
    #expect(AuditInputs.Images(labelled).pixels != abc)
    #expect(AuditInputs.Images(labelled).count == 3)
  }

  @Test func aKnownTriggersReportTellsThem() throws {
    let measurement = AttackMeasurement.counting(hits: 4, of: 400)
    func entry(_ scheme: StatedScheme, _ profile: StatedProfile) -> AuditReport.Entry {
      .init(
        scheme: scheme, profile: profile, rounding: .nearest, file: nil, measurement: measurement)
    }
    let given = AuditInputs(
      models: [
        .init(
          file: "m.onnx", sha256: "00",
          preprocessing: .init(Preprocessing(mean: [0.5], std: [1]), from: .catalogue))
      ], dataset: "d", calibration: .init(count: 8, seed: .max), toolVersion: "1")
    let report = AuditReport(
      model: "m.onnx", trigger: "t", target: 1, images: 400, float: nil,
      deployments: [
        entry(.known(Scheme()), .custom), entry(.known(Scheme()), .runtime(.tflm)),
        entry(.unknown, .custom),
      ], baselines: [entry(.other("x"), .custom)], seconds: 1, inputs: given)
    var expected = given
    #expect(report.inputs != expected)
    #expect(report.inputs.schemes == [.known(Scheme()), .unknown, .other("x")])
    #expect(report.inputs.profiles == [.custom, .runtime(.tflm)])
    (expected.schemes, expected.profiles) = (report.inputs.schemes, report.inputs.profiles)
    #expect(report.inputs == expected)
    let data = try JSONEncoder().encode(report.inputs)
    #expect(try JSONDecoder().decode(AuditInputs.self, from: data) == expected)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    for key in ["searchImages", "heldOutImages", "seed", "rule"] {
      #expect(object[key] is NSNull, "\(key)")
    }
  }
}
