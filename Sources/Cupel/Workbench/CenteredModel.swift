import CupelFloatGraph
import CupelModelImport
import CupelPurification
import CupelQuantization
import CupelSupport

/// A vendor's float file with weights that any converter which rounds to nearest turns into a
/// purification's integers.
public struct CenteredModel: Sendable {
  /// The file, in the vendor's format, with the vendor's graph and names.
  public let bytes: [UInt8]
  /// What became of the network.
  public let network: CenteredNetwork
  /// How far its answers lie from the vendor's model's, on the calibration images.
  public let drift: Drift

  /// The network that the file holds.
  public var graph: FloatGraph { network.graph }

  /// Writes the file, whole or not at all.
  ///
  /// - Throws: `FileError`; `CancellationError` where the task was cancelled before.
  public func write(to path: String) throws {
    try Task.checkCancellation()
    try AtomicFile.write(bytes, to: path)
  }
}

extension Workbench {
  /// Makes the float model whose nearest rounding is what a purification chose. It holds where a
  /// converter rounds with the scheme's granularity, bits and folding, and takes scales from the
  /// largest weights, as they all do by default.
  ///
  /// - Parameter rounded: a purification of this workbench, with `Defence.Settings.holdsScales`.
  /// - Throws: `CupelError` where nothing was purified, where the scheme's weights are not those of
  ///   converters, and where the vendor's file has changed or has no place for other weights.
  public func centered(_ rounded: RoundedModel) throws -> CenteredModel {
    try centered(rounded, in: model.file())
  }

  package func centered(_ rounded: RoundedModel, in file: FloatFile) throws -> CenteredModel {
    guard let plan = rounded.purification?.rounded else {
      throw CupelError("nothing was purified, so there are no roundings to keep", .usage)
    }
    guard !plan.plan.scheme.fullRange else {
      throw CupelError(
        "\(plan.plan.scheme): converters leave out the lowest integer, which .full uses", .usage)
    }
    // A reshaping that images needed stands before the file's own nodes.
    let own = plan.plan.graph.nodes.count - file.graph.nodes.count
    guard own >= 0,
      Array(plan.plan.graph.nodes[own...].map(\.operation))
        == file.graph.nodes.map(\.operation)
    else { throw CupelError("\(model.path): the file holds another network than it did") }
    let network = CenteredNetwork(plan) { node, parameter in
      node >= own && file.holds(parameter, ofNode: node - own)
    }
    let bytes = try CupelError.naming(model.path) {
      try file.bytes(with: Array(network.graph.nodes[own...]))
    }
    let answers = try [graph, network.graph].map {
      try FloatExecutor(graph: $0, threads: context.threads).run(images)
    }
    return CenteredModel(
      bytes: bytes, network: network, drift: Drift(float: answers[0], quantized: answers[1]))
  }
}

extension FloatModel {
  /// The file, to be written with other weights.
  ///
  /// - Throws: `FileError`, or a `CupelError` that names the file and why that cannot be.
  package func file() throws -> FloatFile {
    let bytes = try InputFile.read(path, limit: ModelImporter.maximumBytes)
    return try CupelError.naming(path) {
      try FloatFile(bytes: bytes, external: ExternalData.beside(path))
    }
  }
}
