import ArgumentParser
import Audit
import Datasets
import FloatGraph
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

  /// - Throws: `FileError`, `AuditError.catalogue`, or a failure that names the file and what is
  ///   wrong with it, such as that it holds integers already.
  init(path: String) throws {
    let file = try VendorFile(path: path)
    guard case .float(let graph) = file.model else {
      throw Failure("\(path): this model is quantized already; a float model is needed")
    }
    try self.init(file, graph: graph)
  }

  init(_ file: VendorFile, graph: FloatGraph) throws {
    path = file.path
    bytes = file.bytes
    sha256 = file.sha256
    self.graph = graph
    specimen = try Catalogue.beside(file.path)?.specimen(sha256: file.sha256)
  }

  var name: String { lastComponent(of: path) }

  var imageShape: [Int] { graph.values[graph.input].shape }
  var classCount: Int { graph.values[graph.output].elementCount }

  /// From the flags, else from the catalogue; never guessed.
  func preprocessing(_ options: DataOptions) throws -> Preprocessing {
    guard imageShape.count == 3 else {
      throw Failure("\(path): the network's input is not an image of channels × height × width")
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
    try Failure.naming("catalogue.json, specimen \(printable(name))", body)
  }
}

func lastComponent(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
