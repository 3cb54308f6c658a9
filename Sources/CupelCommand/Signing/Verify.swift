import ArgumentParser
import Cupel
import CupelAttestation
import CupelAuditReports
import CupelSupport

/// `cupel verify`: whether a signed statement of an audit holds.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks a signed statement of an audit: signature, files, and with --replay figures.",
    discussion: """
      Give every file that the statement is about. The exit status is 0 where the signature is the \
      key's and every file is the one that was audited, and 1 where not; what the audit found \
      is printed and does not change it.

      Example:
        cupel audit vendor.onnx purified.cupel --data images \\
          --mean 0.286 --std 0.353 --attest key.pem
        cupel verify attestation.json --key public.pem purified.cupel
      """)

  @Argument(help: "The signed statement.") var attestation: String

  @Argument(
    help: "Files that the statement is about; with --replay the float model as well.")
  var files: [String]

  @Option(
    help: ArgumentHelp("The signer's key: PEM, Ed25519 or P-256.", valueName: "public key"))
  var key: String

  @Flag(help: "Make the audit again, and compare every figure.")
  var replay = false

  @Option(
    help: ArgumentHelp(
      "With --replay: the folder with the images. (default: where the report's command had it)",
      valueName: "folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "With --replay: the catalogue. (default: where the report's command had it)",
      valueName: "file"))
  var catalogue: String?

  func run() throws {
    let bytes = try InputFile.read(attestation, limit: Self.longest)
    let publicKey = try KeyFiles.verifying(key)
    let payload = try naming(attestation) {
      try Envelope(json: bytes).payload(signedBy: publicKey)
    }
    guard let payload else {
      print("\(printable(attestation)): NOT signed by the key \(publicKey.identifier)")
      throw VerdictExit(code: VerdictExit.notVerified)
    }
    print("signed by the key \(publicKey.identifier)")
    let statement = try naming(attestation) {
      try Statement<TestResult>(json: payload, predicateType: TestResult.predicateType)
    }
    let isWhole = try check(statement)
    print("result of the audit: \(statement.predicate.result.rawValue)")
    if replay {
      let report = try naming(attestation) { try AuditStatement.report(of: statement) }
      try AuditCommand().repeatAudit(of: report, named: attestation, given: given)
    }
    if !isWhole { throw VerdictExit(code: VerdictExit.notVerified) }
  }

  /// Bytes. It holds a report in base64.
  private static let longest = 1 << 29

  /// What takes the place of what the report's command says.
  private var given: [String] {
    files + [data.map { "--data=\($0)" }, catalogue.map { "--catalogue=\($0)" }].compactMap(\.self)
  }

  /// Tells of every subject and of every file.
  ///
  /// - Returns: whether each subject was given, and each file is one that was audited.
  private func check(_ statement: Statement<TestResult>) throws -> Bool {
    var isWhole = true
    let digests = try files.map(FileDigest.of)
    let inputs = Set(statement.predicate.configuration.compactMap(\.sha256))
    let subjects = Set(statement.subject.compactMap(\.sha256))
    for (file, digest) in zip(files, digests) {
      let isKnown = subjects.contains(digest) || inputs.contains(digest)
      print("\(printable(file)): \(isKnown ? "audited" : "NOT what was audited")")
      isWhole = isWhole && isKnown
    }
    for subject in statement.subject where !digests.contains(subject.sha256 ?? "") {
      print("\(printable(subject.name)): NOT among the files given")
      isWhole = false
    }
    return isWhole
  }
}
