import Cupel
import CupelSupport

/// How far a sweep is, and how fast it goes.
public struct SweepStatus: Sendable, Encodable, Equatable {
  /// Tasks by what became of them.
  public struct Counts: Sendable, Codable, Equatable {
    /// In the manifest.
    public var planned = 0
    /// With a result.
    public var done = 0
    /// Without a result, and with a record of why.
    public var failed = 0
    /// Neither.
    public var pending: Int { planned - done - failed }

    enum CodingKeys: CodingKey { case planned, done, failed, pending }

    /// None.
    public init() {}

    /// Counts as `encode` wrote them.
    public init(from decoder: any Decoder) throws {
      let members = try decoder.container(keyedBy: CodingKeys.self)
      planned = try members.decode(Int.self, forKey: .planned)
      done = try members.decode(Int.self, forKey: .done)
      failed = try members.decode(Int.self, forKey: .failed)
    }

    /// Writes what follows from the others as well.
    public func encode(to encoder: any Encoder) throws {
      var members = encoder.container(keyedBy: CodingKeys.self)
      try members.encode(planned, forKey: .planned)
      try members.encode(done, forKey: .done)
      try members.encode(failed, forKey: .failed)
      try members.encode(pending, forKey: .pending)
    }
  }

  /// What tasks of one kind take.
  public struct Kind: Sendable, Encodable, Equatable {
    /// Such as "audit search".
    public var kind: String
    /// That were measured.
    public var tasks = 0
    /// Mean wall time of a task.
    public var meanSeconds = 0.0
    /// Of the longest task.
    public var mostSeconds = 0.0
    /// Of the task that had most in memory.
    public var mostBytes = 0

    package init(kind: String) { self.kind = kind }
  }

  /// Of the JSON form.
  public var schemaVersion = 1
  /// Tasks by what became of them.
  public var counts = Counts()
  /// What the tasks that are done took, by kind, sorted by name.
  public var kinds: [Kind] = []
  /// Tasks that ended in the hour before the last one ended, by which a rate is told; nil where fewer
  /// than two have ended.
  public var tasksPerHour: Double?
  /// Models that no task is about, since they could not be read: why.
  public var leftOut: [String] = []

  package init() {}

  /// Reads what a sweep has come to.
  ///
  /// - Parameter tasks: numbers of the tasks that count; nil for all.
  /// - Throws: `FileError`, `CupelError` where there is no sweep, or its manifest is malformed.
  public init(of folder: SweepFolder, tasks: ClosedRange<Int>? = nil) throws {
    let reader = try ManifestReader(folder.manifest)
    leftOut = reader.header.leftOut.map(\.reason)
    var (found, ends): ([String: Kind], [Double]) = ([:], [])
    while let entry = try reader.next() {
      guard tasks?.contains(entry.number) ?? true else { continue }
      counts.planned += 1
      if folder.isDone(entry.name) {
        counts.done += 1
        guard let measure = folder.readMeasure(entry.name) else { continue }
        found[measure.kind, default: Kind(kind: measure.kind)].add(measure)
        ends.append(measure.endedAt)
      } else if folder.readFailure(entry.name) != nil {
        counts.failed += 1
      }
    }
    kinds = found.values.sorted { $0.kind < $1.kind }
    tasksPerHour = Self.rate(ends)
  }

  /// Tasks an hour from the times at which tasks ended, in seconds.
  package static func rate(_ ends: [Double]) -> Double? {
    guard let last = ends.max() else { return nil }
    let recent = ends.filter { $0 > last - 3600 }
    guard let first = recent.min(), last > first else { return nil }
    // The first end is where the time begins, so its task is not counted.
    return Double(recent.count - 1) / (last - first) * 3600
  }
}

extension SweepStatus.Kind {
  fileprivate mutating func add(_ measure: SweepFolder.Measure) {
    tasks += 1
    meanSeconds += (measure.seconds - meanSeconds) / Double(tasks)
    mostSeconds = max(mostSeconds, measure.seconds)
    mostBytes = max(mostBytes, measure.peakBytes)
  }
}
