import ArgumentParser
import Audit
import Datasets
import FloatGraph
import HostRuntime
import ModelFormat
import ModelImport
import Quantization
import Support
import Triggers

/// A vendor's float model as it was found: its graph, its digest, and what is known of it.
struct FloatModel {
  let path: String
  let bytes: Int
  let sha256: String
  let graph: FloatGraph
  /// The catalogue's entry for a file with this digest.
  let specimen: Catalogue.Specimen?

  /// - Throws: `FileError`, `ImportError`, `AuditError.catalogue`.
  init(path: String) throws {
    let bytes = try InputFile.read(path, limit: OnnxImporter.maximumBytes)
    guard !Self.hasCupelMagic(bytes) else {
      throw Failure(
        "\(path): this is an integer model; its name must end in .cupel", exitCode: Failure.badData)
    }
    self.path = path
    self.bytes = bytes.count
    sha256 = SHA256.hex(bytes)
    do {
      graph = try OnnxImporter.load(bytes: bytes)
    } catch {
      throw Failure("\(path): \(error)", exitCode: Failure.badData)
    }
    specimen = try Catalogue.beside(path)?.specimen(sha256: sha256)
  }

  private static func hasCupelMagic(_ bytes: [UInt8]) -> Bool {
    let magic = Layout.magic
    return bytes.count >= magic.count && magic.indices.allSatisfy { bytes[$0] == magic[$0] }
  }

  var name: String { lastComponent(of: path) }

  var imageShape: [Int] { graph.values[graph.input].shape }
  var classCount: Int { graph.values[graph.output].elementCount }

  /// From the flags, else from the catalogue; never guessed.
  func preprocessing(_ options: DataOptions) throws -> Preprocessing {
    guard imageShape.count == 3 else {
      throw Failure(
        "\(path): the network's input is not an image of channels × height × width",
        exitCode: Failure.badData)
    }
    guard let preprocessing = try options.preprocessing() ?? specimen?.preprocessing else {
      throw ValidationError(
        "the model says nothing of its preprocessing: give --mean, --std and, where pixels are "
          + "not divided by 255, --scale")
    }
    try preprocessing.check(channels: imageShape[0])
    return preprocessing
  }
}

extension Catalogue.Specimen {
  /// The trigger that the catalogue tells.
  func knownTrigger() throws -> Trigger? {
    try trigger.map { text in try read { try Trigger(text) } }
  }

  /// The scheme that the attack was aimed at.
  func attackedScheme() throws -> Scheme? {
    try scheme.map { text in try read { try Scheme(text) } }
  }

  /// What is wrong in a catalogue is bad data, and not wrong usage as on the command line.
  private func read<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      throw Failure(
        "catalogue.json, specimen \(printable(name)): \(error)", exitCode: Failure.badData)
    }
  }
}

/// Whether a path names a `.cupel` file. Anything else is taken for a float model.
func isCupelFile(_ path: String) -> Bool {
  path.hasSuffix(".cupel")
}

func lastComponent(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
