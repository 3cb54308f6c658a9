import Cupel
import CupelHostRuntime
import CupelModelFormat
import CupelSupport
import Foundation

/// One audit of a sweep: all that it is made from, so that it can be done on any machine and in any
/// order.
public struct SweepTask: Sendable, Codable, Equatable {
  /// What is to be done.
  public enum Verb: String, Sendable, Codable, CaseIterable {
    /// As `cupel audit` does it.
    case audit
  }

  /// A file or a folder, and what is in it.
  public struct Input: Sendable, Codable, Equatable {
    /// Where it lies.
    public var path: String
    /// Lower-case hexadecimal.
    public var sha256: String
    /// Of a folder: digest of its files' names, sizes and times, by which a task sees quickly that
    /// nothing has changed; nil for a file.
    public var listing: String?

    /// - Parameters: as the members of these names.
    public init(path: String, sha256: String, listing: String? = nil) {
      (self.path, self.sha256, self.listing) = (path, sha256, listing)
    }
  }

  /// A trigger that is known.
  public struct Attack: Sendable, Codable, Equatable {
    /// As the command line writes it.
    public var trigger: String
    /// The attacker's class, from 0.
    public var target: Int

    /// - Parameters: as the members of these names.
    public init(trigger: String, target: Int) { (self.trigger, self.target) = (trigger, target) }
  }

  /// What is to be done.
  public var verb = Verb.audit
  /// At most one float model, and integer models.
  public var models: [Input]
  /// Under which the float model is rounded to nearest; empty where files alone are audited.
  public var schemes: [String] = []
  /// Whose rounding deployments have; nil for TensorFlow Lite Micro's, and for what files carry.
  public var profile: String?
  /// What is measured; nil where a trigger is searched.
  public var attack: Attack?
  /// Kinds of triggers that are searched; nil for all.
  public var families: [String]?
  /// Seconds that a search is given; nil for as long as it takes.
  public var budget: Double?
  /// The most test images; nil for the audit's own number.
  public var limit: Int?
  /// Training images that ranges are taken from.
  public var calibration = 1024
  /// Of every random choice.
  public var seed: UInt64 = 0
  /// What becomes of pixels; nil where the file or the catalogue says it.
  public var preprocessing: Preprocessing?
  /// The folder with the images.
  public var data: Input
  /// Names of the classes; nil for the folder's own.
  public var classes: Input?
  /// Facts of float models. Its digest is of what it says of this task's float model.
  public var catalogue: Input?
  /// SHA-256 of the decision rule's data file.
  public var rule: String
  /// The version of Cupel that planned it.
  public var tool: String

  /// - Parameters:
  ///   - models: at most one float model, and integer models.
  ///   - data: the folder with the images.
  ///   - rule: SHA-256 of the decision rule's data file.
  ///   - tool: the version of Cupel.
  public init(models: [Input], data: Input, rule: String, tool: String = CupelRelease.current) {
    (self.models, self.data, self.rule, self.tool) = (models, data, rule, tool)
  }
}

extension SweepTask {
  /// SHA-256 of everything that the result follows from, lower-case hexadecimal: digests of inputs,
  /// settings, rule and version, and not where files lie. Tasks of one name have one result.
  public var name: String {
    var key = self
    key.models = models.map(\.withoutPlace)
    key.data = data.withoutPlace
    key.classes = classes?.withoutPlace
    key.catalogue = catalogue?.withoutPlace
    return SHA256.hex((try? key.json()) ?? [])
  }

  /// In one line, keys sorted.
  ///
  /// - Throws: `EncodingError` where a number is not finite.
  func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try Array(encoder.encode(self))
  }

  /// For people: what is audited.
  public var title: String { models.map { lastComponent(of: $0.path) }.joined(separator: " ") }

  /// By which times are told: a search takes longer than one trigger.
  var kind: String { attack == nil ? "\(verb.rawValue) search" : "\(verb.rawValue) trigger" }
}

extension SweepTask.Input {
  fileprivate var withoutPlace: Self { Self(path: "", sha256: sha256) }
}
