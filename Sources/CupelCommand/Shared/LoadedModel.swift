import FixedPoint
import HostRuntime
import IntegerOperators
import ModelFormat
import ModelImport
import ModelWriter
import Support

/// A model file of any format, ready for its verb.
enum LoadedModel {
  case float(FloatModel)
  case integer(IntegerModel)

  /// - Parameter profile: rounds as that runtime does; nil leaves a `.cupel` file as it is written
  ///   and gives a vendor's integers TensorFlow Lite Micro's rounding, or ONNX Runtime's.
  /// - Throws: `FileError`, or a failure that names the file and what is wrong with it.
  init(
    path: String, profile: DeploymentProfile? = nil, kernels: KernelChoice = KernelChoice()
  ) throws {
    if isCupelFile(path) {
      self = .integer(try IntegerModel(path: path, profile: profile, kernels: kernels))
      return
    }
    let file = try VendorFile(path: path, profile: profile)
    switch file.model {
    case .float(let graph): self = .float(try FloatModel(file, graph: graph))
    case .integer:
      self = .integer(
        try IntegerModel(
          path: path, bytes: file.integerBytes(),
          vendor: .init(bytes: file.bytes, sha256: file.sha256), profile: profile,
          kernels: kernels))
    }
  }

  /// - Throws: a failure for a float model.
  func integer() throws -> IntegerModel {
    switch self {
    case .integer(let model): return model
    case .float(let model):
      throw Failure("\(model.path): this is a float model; compile it first")
    }
  }
}

/// A vendor's file, read and understood.
struct VendorFile {
  let path: String
  let bytes: Int
  let sha256: String
  let model: ImportedModel
  /// Whose rounding the operators of an integer model carry.
  let profile: DeploymentProfile

  /// - Throws: `FileError`, or a failure that names the file and the rule it breaks.
  init(path: String, profile: DeploymentProfile? = nil) throws {
    let bytes = try InputFile.read(path, limit: ModelImporter.maximumBytes)
    guard !Self.hasCupelMagic(bytes) else {
      throw Failure("\(path): this is an integer model; its name must end in .cupel")
    }
    self.path = path
    self.bytes = bytes.count
    self.profile = profile ?? ModelImporter.profile(of: bytes)
    sha256 = SHA256.hex(bytes)
    model = try Failure.naming(path) { try ModelImporter.load(bytes: bytes, profile: profile) }
  }

  /// The `.cupel` file of an integer model, with where it came from in its metadata.
  ///
  /// - Throws: a failure for a float model, and for one that the format cannot hold.
  func integerBytes() throws -> [UInt8] {
    guard case .integer(var program) = model else {
      throw Failure("\(path): this is a float model")
    }
    program.metadata[ModelMetadata.originName] = lastComponent(of: path)
    program.metadata[ModelMetadata.originDigest] = sha256
    program.metadata[ModelMetadata.rounding] = "the vendor's"
    program.metadata[ModelMetadata.profile] = profile.name
    program.metadata[ModelMetadata.tool] = "cupel \(RootCommand.toolVersion)"
    return try Failure.naming(path) { try CupelWriter.bytes(of: program) }
  }

  private static func hasCupelMagic(_ bytes: [UInt8]) -> Bool {
    let magic = Layout.magic
    return bytes.count >= magic.count && magic.indices.allSatisfy { bytes[$0] == magic[$0] }
  }
}

/// Whether a path names a `.cupel` file. Anything else is a vendor's.
func isCupelFile(_ path: String) -> Bool {
  path.hasSuffix(".cupel")
}
