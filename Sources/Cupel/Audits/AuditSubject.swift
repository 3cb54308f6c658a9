import CupelAudit
import CupelDatasets
import CupelFixedPoint
import CupelQuantization

/// What an audit is about: a vendor's float model, integer models that are to be deployed, and
/// schemes under which the float model is rounded to nearest as a toolchain would.
public struct AuditSubject: Sendable {
  /// nil where integer models alone are at hand.
  public internal(set) var float: FloatModel?
  /// In the order given.
  public internal(set) var integers: [IntegerModel]
  /// All of them, in the order given.
  let names: [String]
  /// Under which the float model is rounded.
  public let schemes: [Scheme]
  /// Whose rounding deployments have; nil for TensorFlow Lite Micro's, and for what files carry.
  public let profile: DeploymentProfile?
  /// What becomes of pixels, whatever models say of themselves; nil for what they say.
  public let preprocessing: Preprocessing?
  /// Where integer models run.
  public let site: ExecutionSite
  /// Whose signature of a file was verified, by the files' SHA-256; the report tells it.
  public var signers: [String: String] = [:]

  /// - Parameters: as the properties.
  /// - Throws: `CupelError` for two float models, and for schemes without one.
  public init(
    _ models: [LoadedModel], schemes: [Scheme] = [], profile: DeploymentProfile? = nil,
    preprocessing: Preprocessing? = nil, site: ExecutionSite = ExecutionSite()
  ) throws(CupelError) {
    var floats: [FloatModel] = []
    var integers: [IntegerModel] = []
    for model in models {
      switch model {
      case .float(let model): floats.append(model)
      case .integer(let model): integers.append(model)
      }
    }
    guard floats.count <= 1 else { throw CupelError("give one float model at most", .usage) }
    guard schemes.isEmpty || !floats.isEmpty else {
      throw CupelError("schemes are for a float model; integer models have their own", .usage)
    }
    float = floats.first
    self.integers = integers
    names = models.map(\.name)
    self.schemes = schemes
    self.profile = profile
    self.preprocessing = preprocessing
    self.site = site
  }

  /// The data set that the models name; nil where none does.
  public var dataset: String? {
    float?.specimen?.dataset ?? integers.lazy.compactMap(\.dataset).first
  }

  /// Channels of the images that the models take; nil where there is no model.
  public var imageChannels: Int? {
    float?.imageShape?.channels ?? integers.first?.engine.inputShape.channels
  }

  /// Classes that the first of the models answers; 0 without models.
  public var classCount: Int { float?.classCount ?? integers.first?.classCount ?? 0 }

  /// What images are resized to, which all models must agree on.
  ///
  /// - Throws: `CupelError` where they do not, `UnknownPreprocessing` where nothing tells one.
  public func imageSize() throws -> ImageSize? {
    var sizes = try integers.map {
      (path: $0.path, size: try $0.statedPreprocessing(preprocessing).resize)
    }
    if let float {
      sizes.append((float.path, try float.statedPreprocessing(preprocessing).resize))
    }
    if let other = sizes.first(where: { $0.size != sizes[0].size }) {
      throw CupelError(
        "\(other.path) wants its images resized in another way than \(sizes[0].path)")
    }
    return sizes.first?.size
  }

  /// A difference between two models says something only if one was made from the other.
  ///
  /// - Throws: `CupelError`.
  func checkOrigins() throws(CupelError) {
    guard let float else { return }
    if let other = integers.first(where: { !$0.isMade(from: float) }) {
      throw CupelError(
        "\(other.path) does not say that it was made from \(float.path) "
          + "(\(ModelMetadata.originDigest) in its metadata); audit it without the float model")
    }
  }

  /// An integer model's classifier.
  func classifier(_ model: IntegerModel, threads: Int) throws -> any Classifier {
    try site.classifier(
      model.engine, preprocessing: model.preprocessing(preprocessing), threads: threads)
  }

  /// The classifier of nearest rounding.
  func nearest(
    _ scheme: Scheme, profile: DeploymentProfile, of workbench: Workbench
  ) throws -> any Classifier {
    try site.classifier(
      site.engine(workbench.rounded(scheme, profile: profile).bytes),
      preprocessing: workbench.preprocessing, threads: workbench.context.threads)
  }
}
