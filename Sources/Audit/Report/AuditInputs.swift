import CupelDatasets
import CupelHostRuntime
import CupelModelFormat

/// What a report's figures were made from. Whoever has the same inputs can make the same report, and hold
/// it against the first.
///
/// The caller of an audit fills what only the caller knows: files, data set, calibration. The audit adds
/// images, seed, schemes, profiles, families and rule as it used them.
public struct AuditInputs: Sendable, Codable, Equatable {
  /// The files that were read, the float model first.
  public var models: [Model]
  /// Name of the folder that the images came from, without the way to it.
  @OrNull public var dataset: String?
  /// What ranges were estimated on; nil where the audit rounded nothing itself.
  @OrNull public var calibration: CalibrationImages?
  /// The version of Cupel that measured; nil where the caller does not say.
  @OrNull public var toolVersion: String?
  /// The test images that everything was measured on. A search fills it; with a known trigger the caller
  /// does.
  @OrNull public var heldOutImages: Images?

  /// The unlabelled images that a search saw; nil where none was made.
  @OrNull public package(set) var searchImages: Images?
  /// Of a search; nil where none was made.
  @OrNull public package(set) var seed: UInt64?
  /// Of the deployments, each once, in their order.
  public package(set) var schemes: [StatedScheme] = []
  /// Of the deployments, each once, in their order.
  public package(set) var profiles: [StatedProfile] = []
  /// The families of triggers that were to be searched, in the order of `TriggerFamily`; where the
  /// caller does not say, those that were searched in some deployment.
  public var families: [TriggerFamily] = []
  /// SHA-256 of the decision rule's data file; nil where a known trigger was measured.
  @OrNull public package(set) var rule: String?

  /// - Parameters: what the caller knows; the audit adds the rest.
  public init(
    models: [Model] = [], dataset: String? = nil, calibration: CalibrationImages? = nil,
    toolVersion: String? = nil, heldOutImages: Images? = nil
  ) {
    self.models = models
    self.dataset = dataset
    self.calibration = calibration
    self.toolVersion = toolVersion
    self.heldOutImages = heldOutImages
  }
}

extension AuditInputs {
  /// A file that was read.
  public struct Model: Sendable, Codable, Equatable {
    /// Its name, without the way to it.
    public var file: String
    /// SHA-256 of its bytes, lower-case hexadecimal.
    public var sha256: String
    /// From pixels to its input; nil where the caller does not say.
    @OrNull public var preprocessing: StatedPreprocessing?
    /// What the file or a catalogue states and the caller gave otherwise; nil for nothing.
    public var overridden: [Overridden]?
    /// SHA-256 of the public key whose signature of the file was verified, lower-case hexadecimal; nil
    /// where none was.
    public var signedBy: String?

    /// - Parameters: as the members of these names.
    public init(
      file: String, sha256: String, preprocessing: StatedPreprocessing? = nil,
      overridden: [Overridden] = []
    ) {
      self.file = file
      self.sha256 = sha256
      self.preprocessing = preprocessing
      self.overridden = overridden.isEmpty ? nil : overridden
    }
  }

  /// A setting that is stated of a model and that the caller gave otherwise. The caller's was taken.
  public struct Overridden: Sendable, Codable, Equatable, CustomStringConvertible {
    /// Who states it.
    public enum Source: String, Sendable, Codable, CaseIterable {
      /// The file's own metadata.
      case metadata
      /// The operators of the file, which carry their rounding.
      case operators
      /// A catalogue that was named.
      case catalogue
    }

    /// Such as "mean" or "profile".
    public var setting: String
    /// As the command line would write it.
    public var stated: String
    /// Who states it.
    public var by: Source
    /// As the command line would write it.
    public var given: String

    /// - Parameters: as the members of these names.
    public init(setting: String, stated: String, by source: Source, given: String) {
      (self.setting, self.stated, by, self.given) = (setting, stated, source, given)
    }

    /// What is stated, and what takes its place.
    public var description: String {
      let source =
        switch by {
        case .metadata: "the file states"
        case .operators: "the file's operators have"
        case .catalogue: "the catalogue states"
        }
      return "\(source) the \(setting) \(stated); the \(setting) given, \(given), is used instead"
    }
  }

  /// A preprocessing, and who says that it is the model's.
  public struct StatedPreprocessing: Sendable, Codable, Equatable {
    /// Who says it.
    public enum Origin: String, Sendable, Codable, CaseIterable {
      /// Given to the audit, as by `--mean` and `--std`.
      case flags
      /// The audited file's own metadata.
      case metadata
      /// A catalogue that was named.
      case catalogue
    }

    /// The preprocessing itself.
    public var values: Preprocessing
    /// nil where the caller does not say.
    @OrNull public var origin: Origin?
    /// SHA-256 of the catalogue that says it; nil for another origin.
    @OrNull public var catalogue: String?
    /// SHA-256 of what the catalogue says of this model, which other entries do not change; nil for
    /// another origin, and in reports of older versions.
    public var catalogueEntry: String?

    /// - Parameters:
    ///   - values: what becomes of pixels.
    ///   - origin: nil where nobody knows.
    public init(_ values: Preprocessing, from origin: Origin?) {
      self.values = values
      self.origin = origin
    }
  }

  /// Training images that ranges were estimated on, and weights purified.
  public struct CalibrationImages: Sendable, Codable, Equatable {
    /// How many.
    public var count: Int
    /// SHA-256 of the pixels, [count][channels][height][width] bytes; nil where the caller does not
    /// say.
    @OrNull public var pixels: String?
    /// Of the draw.
    public var seed: UInt64
    /// What was left out or changed when they were read; absent where nothing was.
    public var notes: [FileNote]?

    /// - Parameters: as the members of these names.
    public init(count: Int, seed: UInt64) {
      self.count = count
      self.seed = seed
    }

    /// - Parameters:
    ///   - images: those that ranges were taken from; counted, and their pixels digested.
    ///   - seed: with which they were drawn.
    public init(_ images: UnlabelledImages, seed: UInt64) {
      self.init(count: images.count, seed: seed)
      pixels = SHA256.hex(images.pixels)
      notes = images.notes.isEmpty ? nil : images.notes
    }
  }

  /// Images, told by what is in them.
  public struct Images: Sendable, Codable, Equatable {
    /// How many.
    public var count: Int
    /// SHA-256 of the pixels, [count][channels][height][width] bytes.
    public var pixels: String
    /// What was left out or changed when they were read; absent where nothing was.
    public var notes: [FileNote]?
    /// SHA-256 of the labels, a byte each, or four (the lowest first) where one does not fit a byte;
    /// nil where the audit does not see them.
    @OrNull public var labels: String?

    /// Of images without labels.
    public init(_ images: UnlabelledImages) {
      count = images.count
      pixels = SHA256.hex(images.pixels)
      notes = images.notes.isEmpty ? nil : images.notes
      labels = nil
    }

    /// Of images with labels.
    public init(_ images: ImageSet) {
      self.init(images.unlabelled)
      let bytes = images.labels.compactMap { UInt8(exactly: $0) }
      labels = SHA256.hex(
        bytes.count == images.count
          ? bytes
          : images.labels.flatMap { label in
            (0..<4).map { UInt8(truncatingIfNeeded: label >> (8 * $0)) }
          })
    }
  }
}

extension AuditInputs {
  /// Adds the deployments' schemes and profiles.
  mutating func add(_ deployments: some Sequence<(scheme: StatedScheme, profile: StatedProfile)>) {
    for deployment in deployments {
      if !schemes.contains(deployment.scheme) { schemes.append(deployment.scheme) }
      if !profiles.contains(deployment.profile) { profiles.append(deployment.profile) }
    }
  }
}
