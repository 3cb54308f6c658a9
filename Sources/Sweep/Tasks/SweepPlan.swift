import Cupel
import CupelSupport

/// What a sweep is made of: every model with every set of schemes, profile, trigger and seed is a
/// task.
public struct SweepPlan: Sendable {
  /// Under which a float model is rounded, together in one audit.
  public enum Schemes: Sendable, Equatable {
    /// The standard matrix; with the catalogue's trigger the scheme that it says was attacked as well.
    case matrix
    /// In the order given.
    case list([Scheme])
  }

  /// What an audit is about.
  public enum Trigger: Sendable, Equatable {
    /// None is known: one is searched.
    case search
    /// What the catalogue says of the model. Models of which it says nothing get no task.
    case catalogue
    /// The same for every model.
    case known(SweepTask.Attack)
  }

  /// Sets of schemes, of which each is a task; at least one.
  public var schemes = [Schemes.matrix]
  /// Whose rounding deployments have; nil for what files carry, else TensorFlow Lite Micro's.
  public var profiles: [DeploymentProfile?] = [nil]
  /// At least one.
  public var triggers = [Trigger.search]
  /// At least one.
  public var seeds: [UInt64] = [0]
  /// Whether the model files of a folder are one audit: a float model and what is deployed of it.
  public var isTogether = false
  /// Kinds of triggers that are searched; nil for all.
  public var families: [TriggerFamily]?
  /// Seconds that a search is given; nil for as long as it takes.
  public var budget: Double?
  /// The most test images; nil for the audit's own number.
  public var limit: Int?
  /// Training images that ranges are taken from.
  public var calibration = 1024
  /// What becomes of pixels; nil for what files and the catalogue say.
  public var preprocessing: Preprocessing?
  /// Names of the classes; nil for the data set's own.
  public var classes: String?
  /// Facts of float models; nil where none is named.
  public var catalogue: Catalogue?

  /// One search a model under the standard matrix.
  public init() {}

  /// What was planned.
  public struct Outcome: Sendable, Equatable {
    /// Tasks.
    public var tasks: Int
    /// Models that could not be read, or have no images, a line each with why.
    public var leftOut: [String]
  }

  /// Writes the manifest of a sweep. What an earlier plan's tasks have come to stays.
  ///
  /// - Parameters:
  ///   - models: files, and folders whose model files are taken, in folders inside them too.
  ///   - folder: of the sweep.
  ///   - data: the folder with the images for a model of the data set that a catalogue or a file
  ///     names; nil where none is named. A model for which it throws is left out.
  /// - Throws: `CupelError` where there is no task at all; `FileError` where something cannot be
  ///   read or written.
  public func write(
    models: [String], to folder: SweepFolder, data: (_ dataset: String?) throws -> String
  ) throws -> Outcome {
    let (subjects, leftOut) = try subjects(models, data)
    try folder.create()
    var writer = try ManifestWriter(folder.manifest, leftOut: leftOut)
    var folders: [String: SweepTask.Input] = [:]
    let rule = try DecisionRule.shipped().digest
    let classes = try classes.map {
      SweepTask.Input(path: try absolute($0), sha256: try ContentDigest.file($0))
    }
    for subject in subjects {
      let images = try folders[subject.data] ?? SweepTask.Input(folder: subject.data)
      folders[subject.data] = images
      var task = SweepTask(models: subject.models, data: images, rule: rule)
      task.classes = classes
      task.catalogue = subject.entry
      try add(task, of: subject, to: &writer)
    }
    guard writer.count > 0 else {
      let reason = leftOut.first.map { ": \($0.reason)" } ?? ""
      throw CupelError("there is no task in this plan\(reason)")
    }
    let count = writer.count
    try writer.finish()
    return Outcome(tasks: count, leftOut: leftOut.map { $0.reason })
  }

  /// The tasks about one subject.
  private func add(
    _ shared: SweepTask, of subject: SweepSubject, to writer: inout ManifestWriter
  ) throws {
    var task = shared
    task.families = families?.map(\.rawValue)
    (task.budget, task.limit, task.calibration) = (budget, limit, calibration)
    task.preprocessing = preprocessing
    for trigger in triggers {
      switch trigger {
      case .search: task.attack = nil
      case .known(let attack): task.attack = attack
      case .catalogue:
        guard let attack = try subject.attack else { continue }
        task.attack = attack
      }
      // Both go with a search alone.
      if trigger != .search { (task.families, task.budget) = (nil, nil) }
      for names in try schemeNames(of: subject, trigger) {
        task.schemes = names
        for profile in profiles {
          task.profile = profile?.name
          for seed in seeds {
            task.seed = seed
            try writer.add(task)
          }
        }
      }
    }
  }

  /// Sets of schemes; one empty set where files are audited and nothing is rounded.
  private func schemeNames(of subject: SweepSubject, _ trigger: Trigger) throws -> [[String]] {
    guard subject.isFloatAlone else { return [[]] }
    return try schemes.map { set in
      switch set {
      case .list(let list): return list.map(\.description)
      case .matrix:
        let attacked = trigger == .catalogue ? try subject.attackedScheme : nil
        let standard = Scheme.standardMatrix
        return (standard + [attacked].compactMap(\.self).filter { !standard.contains($0) })
          .map(\.description)
      }
    }
  }

  private func subjects(
    _ paths: [String], _ data: (String?) throws -> String
  ) throws -> (subjects: [SweepSubject], leftOut: [Manifest.LeftOut]) {
    var (found, leftOut) = ([SweepSubject](), [Manifest.LeftOut]())
    for files in try SweepSubject.groups(paths, isTogether: isTogether) {
      do {
        found.append(try SweepSubject(files, catalogue: catalogue, data: data))
      } catch let error as CancellationError {
        throw error
      } catch {
        let path = files.joined(separator: " ")
        let reason = "\(error)"
        leftOut.append(
          .init(path: path, reason: reason.contains(path) ? reason : "\(path): \(reason)"))
      }
    }
    return (found, leftOut)
  }
}
