import CupelAudit
import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import CupelSupport
import CupelTriggers

/// A vendor's float model as it was found: its graph, its digest, and what is known of it.
public struct FloatModel: Sendable {
  /// Where it was read.
  public let path: String
  /// Size of the file.
  public let bytes: Int
  /// Of the file, lower-case hexadecimal.
  public let sha256: String
  /// The network, with whatever BatchNormalization the file has kept.
  public let graph: FloatGraph
  /// Where facts of the model are looked up; nil where nobody named a catalogue.
  public let catalogue: Catalogue?

  /// - Parameters:
  ///   - path: of the file; of what lies beside it, only weights that an ONNX file keeps there.
  ///   - catalogue: where facts of the model are looked up, by the file's digest.
  /// - Throws: `FileError`, or a `CupelError` that names the file and what is wrong with it, such as
  ///   that it holds integers already.
  public init(path: String, catalogue: Catalogue? = nil) throws {
    let file = try VendorFile(path: path)
    guard case .float(let graph) = file.model else {
      throw CupelError("\(path): this model is quantized already; a float model is needed")
    }
    self.init(file, graph: graph, catalogue: catalogue)
  }

  package init(_ file: VendorFile, graph: FloatGraph, catalogue: Catalogue?) {
    path = file.path
    bytes = file.bytes
    sha256 = file.sha256
    self.graph = graph
    self.catalogue = catalogue
  }

  /// The real network that a file of integers stands for, and the file's facts.
  ///
  /// - Throws: `CupelError` that names the file and the operation that has no such form.
  package init(dequantizing model: IntegerModel) throws(CupelError) {
    path = model.path
    (bytes, sha256) =
      model.vendor.map { ($0.bytes, $0.sha256) } ?? (model.engine.fileBytes, model.sha256)
    catalogue = nil
    do throws(QuantizationError) {
      graph = try FloatGraph(dequantizing: model.program)
    } catch {
      throw CupelError(
        "\(model.path): searched alone, it is compared with its real network: \(error)")
    }
  }

  /// The same file with another graph.
  package init(_ model: FloatModel, graph: FloatGraph) {
    path = model.path
    bytes = model.bytes
    sha256 = model.sha256
    catalogue = model.catalogue
    self.graph = graph
  }

  /// The catalogue's entry for a file with this digest.
  public var specimen: Catalogue.Specimen? { catalogue?.specimen(sha256: sha256) }

  /// The file's name, without its folder.
  public var name: String { lastComponent(of: path) }

  /// Of the images that the network takes; nil where it takes none.
  public var imageShape: ImageShape? { ImageShape(graph.values[graph.input].shape) }

  /// BatchNormalizations that the file has kept. Exporters fold them into the layers before them
  /// unless they are told not to.
  public var batchNormalizations: Int {
    graph.nodes.count { $0.operation.as(FloatGraph.BatchNormalization.self) != nil }
  }

  /// Classes that it answers.
  public var classCount: Int { graph.values[graph.output].elementCount }

  /// Of the images that the network takes.
  ///
  /// - Throws: `CupelError` unless it takes images of channels × height × width.
  @discardableResult
  package func checkTakesImages() throws -> ImageShape {
    guard let imageShape else {
      throw CupelError("\(path): the network's input is not an image of channels × height × width")
    }
    return imageShape
  }

  /// What pixels become, as told or else as the catalogue says; never guessed.
  ///
  /// - Throws: `UnknownPreprocessing` where nothing tells, `CupelError` where the network takes no
  ///   images, `PreprocessingError` where it does not fit the network.
  public func preprocessing(_ told: Preprocessing? = nil) throws -> Preprocessing {
    let shape = try checkTakesImages()
    let preprocessing = try statedPreprocessing(told)
    try preprocessing.check(channels: shape.channels)
    return preprocessing
  }

  /// The same before the images are known: whether it fits the network is not checked.
  ///
  /// - Throws: `UnknownPreprocessing` where nothing tells.
  package func statedPreprocessing(_ told: Preprocessing? = nil) throws -> Preprocessing {
    guard let preprocessing = told ?? specimen?.preprocessing else {
      throw UnknownPreprocessing(path: path, isFloat: true, catalogue: catalogue?.path)
    }
    return preprocessing
  }
}

extension Catalogue.Specimen {
  /// The trigger that the catalogue tells.
  ///
  /// - Throws: `CupelError` where its text is none.
  public func knownTrigger() throws -> Trigger? {
    try trigger.map { text in try read { try Trigger(text) } }
  }

  /// The scheme that the attack was aimed at.
  ///
  /// - Throws: `CupelError` where its text is none.
  public func attackedScheme() throws -> Scheme? {
    try scheme.map { text in try read { try Scheme(text) } }
  }

  /// What is wrong in a catalogue is bad data, and not wrong usage as on the command line.
  private func read<Value>(_ body: () throws -> Value) throws -> Value {
    try CupelError.naming("catalogue, specimen \(printable(name))", body)
  }
}

/// The name of a file, without its folder.
package func lastComponent(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
