import ArgumentParser
import Cupel
import CupelAttestation
import CupelSupport

/// `cupel sign`: a signature of a model's files.
struct Sign: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Signs a model's file by OpenSSF Model Signing 1.0, for whoever takes it in.",
    discussion: """
      Example:
        cupel purify vendor.onnx --scheme w8a8 --data images \\
          --mean 0.286 --std 0.353 -o purified.cupel
        cupel sign purified.cupel --key key.pem -o purified.cupel.sig
      """)

  @Argument(help: "The file to sign.") var model: String

  @Option(help: ArgumentHelp("The key: PEM with PKCS #8, P-256.", valueName: "key"))
  var key: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The signature.", valueName: "file"))
  var output: String

  func run() throws {
    try checkWritable(output, inputs: [model, key])
    let signer = try KeyFiles.signing(key)
    // The form of a model that is one file: the file has no name in it.
    let signature = ModelSignature(
      name: lastComponent(of: model), files: [.init(name: ".", digest: try FileDigest.of(model))])
    let bytes = try naming(key) { try signature.json(signedBy: signer) }
    try AtomicFile.write(bytes, to: output)
    print("signed by the key \(signer.publicKey.identifier)")
  }
}
