import Foundation
import TestSupport
import Testing

/// Signed statements, from the audit to who checks them.
@Suite(.startsProcesses) struct VerifyTests {
  private let workspace: Workspace
  private let model: String
  private static let trigger = "patch:6x6@bottom-right:white"

  init() throws {
    workspace = try Workspace()
    model = try Specimens.named(Specimens.infectedName).path
  }

  private func makeKeys() throws {
    let curve = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    for (name, algorithm) in [("ed", ["ed25519"]), ("ec", curve)] {
      try openssl(["genpkey", "-algorithm"] + algorithm + ["-out", "\(name).pem"])
      try openssl(["pkey", "-in", "\(name).pem", "-pubout", "-out", "\(name).pub"])
    }
  }

  private func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: workspace.path)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  @Test("what was signed holds, and is replayed; another key, another file, a change are found")
  func wholeWay() throws {
    try makeKeys()
    try workspace.succeed(
      [
        "audit", model, "--catalogue", Specimens.cataloguePath, "--trigger", Self.trigger,
        "--target", "0", "--schemes", "w8a8", "--limit", "100", "--calibration", "64",
        "--attest", "ed.pem", "--attestation", "a.json",
      ], status: 1)
    let good = try workspace.succeed(["verify", "a.json", "--key", "ed.pub", model, "--replay"])
    #expect(good.output.contains("result of the audit: FAILED"))
    #expect(good.output.contains("audited"))
    let other = try workspace.succeed(
      ["verify", "a.json", "--key", "ec.pub", model], status: 1)
    #expect(other.output.contains("NOT signed"))
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: model)))
    bytes[bytes.count / 2] ^= 1
    try workspace.write(bytes, to: "changed.onnx")
    let changed = try workspace.succeed(
      ["verify", "a.json", "--key", "ed.pub", "changed.onnx"], status: 1)
    #expect(changed.output.contains("NOT what was audited"))
    var envelope = try workspace.bytes("a.json")
    envelope[envelope.count / 2] ^= 1
    try workspace.write(envelope, to: "b.json")
    let forged = try CommandLineTool.run(
      ["verify", "b.json", "--key", "ed.pub", model], in: workspace.path)
    #expect([1, 65].contains(forged.status))
  }

  @Test("an audit that could not decide fails where it is asked to, and is signed as a warning")
  func undecided() throws {
    try makeKeys()
    let audit = [
      "audit", model, "--catalogue", Specimens.cataloguePath, "--trigger",
      "patch:1x1@top-left:black", "--target", "0", "--schemes", "w8a8", "--limit", "20",
      "--calibration", "16",
    ]
    try workspace.succeed(audit, status: 2)
    try workspace.succeed(
      audit + ["--fail-on", "undetermined", "--attest", "ec.pem"], status: 1)
    let verified = try workspace.succeed(
      ["verify", "attestation.json", "--key", "ec.pub", model])
    #expect(verified.output.contains("result of the audit: WARNED"))
  }

  @Test(
    "keys and statements that are none",
    arguments: [
      FailureCase("verify nowhere.json --key k MODELS/catalogue.json", 66, "nowhere.json"),
      FailureCase(
        "verify MODELS/catalogue.json --key nowhere MODELS/catalogue.json", 66, "nowhere"),
      FailureCase(
        "verify MODELS/catalogue.json --key MODELS/catalogue.json MODELS/catalogue.json", 65,
        "PEM"),
      FailureCase(
        "audit MODELS/resnet8-fmnist-clean-a.onnx --require-signed", 64, "--model-signature"),
      FailureCase(
        "audit MODELS/resnet8-fmnist-clean-a.onnx --attest MODELS/catalogue.json --mean 0 --std 1",
        65, "PEM"),
    ])
  func failures(failure: FailureCase) throws { try failure.check(in: workspace) }
}
