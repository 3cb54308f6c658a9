import ArgumentParser
import Cupel
import CupelAttestation
import CupelAuditReports
import CupelSupport

/// What an audit signs, and whose signatures its inputs must have.
struct SigningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Sign what the audit comes to with this key: PEM with PKCS #8, Ed25519 or P-256.",
      valueName: "key"))
  var attest: String?

  @Option(help: ArgumentHelp("Where the signed statement is written.", valueName: "file"))
  var attestation = "attestation.json"

  @Option(
    help: ArgumentHelp(
      "A signature of a model's files (OpenSSF Model Signing 1.0) in the model's folder, or of one "
        + "file. The audit stops where it is not that of --model-key.", valueName: "file"))
  var modelSignature: [String] = []

  @Option(
    help: ArgumentHelp("The key of --model-signature: PEM, P-256.", valueName: "public key"))
  var modelKey: String?

  @Flag(help: "Stop where a model has no verified signature.")
  var requireSigned = false

  func validate() throws {
    guard modelSignature.isEmpty == (modelKey == nil) else {
      throw ValidationError("--model-signature and --model-key go together")
    }
    if requireSigned, modelSignature.isEmpty {
      throw ValidationError("--require-signed needs --model-signature and --model-key")
    }
  }

  /// What is written, nil where nothing is signed.
  var output: String? { attest == nil ? nil : attestation }

  /// What is read, which no output may replace.
  var inputs: [String] { modelSignature + [attest, modelKey].compactMap(\.self) }

  /// The key, read before long work, so that a wrong one does not cost it.
  func signer() throws -> SigningKey? { try attest.map(KeyFiles.signing) }

  /// Verifies the signatures that are given.
  ///
  /// - Parameter models: paths of the models.
  /// - Returns: whose signature a model's file has, by the file's SHA-256.
  /// - Throws: `Failure` where a signature is another's, or a file is not as it was signed.
  func signers(of models: [String]) throws -> [String: String] {
    guard let modelKey else { return [:] }
    let key = try KeyFiles.verifying(modelKey)
    var signed: [String: String] = [:]
    for path in modelSignature {
      for digest in try SignedModel(path, key: key).check(models) {
        signed[digest] = key.identifier
      }
    }
    return signed
  }

  /// - Parameter signers: whose signature a model has, by the model's digest. One whose weights lie in
  ///   other files has another digest than its file, and is not taken for signed.
  /// - Throws: `Failure` where a model that must be signed is not.
  func check(_ models: [LoadedModel], signers: [String: String]) throws {
    for model in models where requireSigned && signers[model.sha256] == nil {
      throw Failure(
        "\(model.name): no signature of it was verified, and --require-signed asks for one")
    }
  }
}
