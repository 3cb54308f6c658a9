import CupelAudit
import CupelFixedPoint

/// A model file of any format: `.cupel`, `.tflite` or ONNX.
public enum LoadedModel: Sendable {
  /// A float network, which is yet to be rounded.
  case float(FloatModel)
  /// Integers, ready to run.
  case integer(IntegerModel)

  /// - Parameters:
  ///   - path: ends in `.cupel` for a `.cupel` file; any other format is told by the file's bytes.
  ///   - profile: rounds as that runtime does; nil leaves a `.cupel` file as it is written and
  ///     gives a vendor's integers TensorFlow Lite Micro's rounding, or ONNX Runtime's.
  ///   - site: whose kernels are to run integers.
  ///   - catalogue: where facts of a float model are looked up, by the file's digest.
  /// - Throws: `FileError`, `EngineError.instructionSet`, or a `CupelError` that names the file and
  ///   what is wrong with it.
  public init(
    path: String, profile: DeploymentProfile? = nil, site: ExecutionSite = ExecutionSite(),
    catalogue: Catalogue? = nil
  ) throws {
    if isCupelFile(path) {
      self = .integer(try IntegerModel(path: path, profile: profile, site: site))
      return
    }
    let file = try VendorFile(path: path, profile: profile)
    switch file.model {
    case .float(let graph): self = .float(FloatModel(file, graph: graph, catalogue: catalogue))
    case .integer:
      self = .integer(
        try IntegerModel(
          path: path, bytes: file.integerBytes(),
          // Made for the profile already.
          vendor: .init(bytes: file.bytes, sha256: file.sha256), profile: nil, site: site))
    }
  }

  /// The file's name, without its folder.
  public var name: String {
    switch self {
    case .float(let model): model.name
    case .integer(let model): model.name
    }
  }

  /// Of the file as it was read, lower-case hexadecimal.
  public var sha256: String {
    switch self {
    case .float(let model): model.sha256
    case .integer(let model): model.sha256
    }
  }

  /// - Throws: `CupelError` for a float model.
  public func integer() throws -> IntegerModel {
    switch self {
    case .integer(let model): return model
    case .float(let model):
      throw CupelError("\(model.path): this is a float model; compile it first")
    }
  }
}

/// Whether a path names a `.cupel` file. Anything else is a vendor's.
package func isCupelFile(_ path: String) -> Bool {
  path.hasSuffix(".cupel")
}
