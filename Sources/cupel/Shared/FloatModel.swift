import ArgumentParser
import Audit
import Datasets
import FloatGraph
import HostRuntime
import ModelFormat
import ModelImport
import Support

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

/// Whether a path names a `.cupel` file. Anything else is taken for a float model.
func isCupelFile(_ path: String) -> Bool {
  path.hasSuffix(".cupel")
}

func lastComponent(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
