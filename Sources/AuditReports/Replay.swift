import CupelAudit

/// A report held against one that was made anew with the same inputs: which inputs differ, and which
/// figures.
///
/// Figures are compared exactly, since the same inputs give the same bits on every machine and at any
/// number of threads. An audit with a budget is the exception: what it leaves out depends on the machine.
/// Times, the command line, which names output files, and the ways to files are not compared; of a
/// catalogue what it says of the model is, and not the other entries; notes on files that were left out
/// are not, since the digests of the images tell whether they are the same.
public struct Replay: Sendable, Equatable {
  /// A value that the reports do not agree on.
  public struct Difference: Sendable, Equatable, CustomStringConvertible {
    /// Its place in the JSON form, such as `deployments[0].searches[1].differentialASR`.
    public let name: String
    /// As text; nil where only the other report has such a value.
    public let recorded: String?
    /// As text; nil where only the recorded report has such a value.
    public let replayed: String?

    /// In one line.
    public var description: String {
      "\(name): \(recorded ?? "absent") was recorded, and now it is \(replayed ?? "absent")"
    }
  }

  /// What the reports were made from and is not the same.
  public let inputs: [Difference]
  /// Whatever else they say and do not agree on, verdict and findings among it.
  public let figures: [Difference]

  /// Whether nothing differs.
  public var isEqual: Bool { inputs.isEmpty && figures.isEmpty }

  /// - Throws: `EncodingError` where a report holds a number that JSON cannot.
  public init(recorded: DetectionReport, replayed: DetectionReport) throws {
    try self.init(
      recorded, replayed, inputs: ["inputs", "budget"],
      repeated: ["model", "digest", "searchImages", "heldOutImages", "seed", "toolVersion"])
  }

  /// - Throws: `EncodingError` where a report holds a number that JSON cannot.
  public init(recorded: AuditReport, replayed: AuditReport) throws {
    try self.init(
      recorded, replayed, inputs: ["inputs", "trigger", "targetClass", "images", "model"],
      repeated: [])
  }

  /// - Parameters:
  ///   - inputs: members of the report that it was made from.
  ///   - repeated: members that say again what `inputs` say.
  private init(
    _ recorded: some Encodable, _ replayed: some Encodable, inputs: Set<String>,
    repeated: Set<String>
  ) throws {
    let (old, new) = (try Self.leaves(recorded), try Self.leaves(replayed))
    let (before, after) = (Self.index(old), Self.index(new))
    let places = old.map(\.place) + new.map(\.place).filter { before[$0] == nil }
    var (ofInputs, ofFigures): ([Difference], [Difference]) = ([], [])
    for place in places where !Self.isSame(place, before, after) {
      let member = String(place.prefix { $0 != "." && $0 != "[" })
      if repeated.contains(member) { continue }
      let difference = Difference(
        name: place, recorded: before[place]?.text, replayed: after[place]?.text)
      if inputs.contains(member) {
        ofInputs.append(difference)
      } else {
        ofFigures.append(difference)
      }
    }
    (self.inputs, figures) = (ofInputs, ofFigures)
  }

  private static func leaves(_ report: some Encodable) throws -> [JSONValue.Leaf] {
    try JSONValue(encoding: report).leaves.filter { leaf in
      !leaf.place.hasPrefix("command") && leaf.place.split(separator: ".").last != "seconds"
        && !isNote(leaf.place)
    }.map(withoutTheWay)
  }

  /// Whether it is of `AuditInputs.Images.notes`, or of the calibration's.
  private static func isNote(_ place: String) -> Bool {
    let members = place.split(separator: ".")
    return members.first == "inputs" && members.count > 2 && members[2].hasPrefix("notes[")
  }

  /// A file is told by its name: it may lie elsewhere by now.
  private static func withoutTheWay(_ leaf: JSONValue.Leaf) -> JSONValue.Leaf {
    guard leaf.place.hasSuffix(".file"), case .string(let path) = leaf.value else { return leaf }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return JSONValue.Leaf(place: leaf.place, value: .string(name))
  }

  private static func isSame(
    _ place: String, _ before: [String: JSONValue.Leaf], _ after: [String: JSONValue.Leaf]
  ) -> Bool {
    let (recorded, replayed) = (before[place]?.value, after[place]?.value)
    if recorded == replayed { return true }
    // What follows from the other inputs, and who vouched for a file.
    if place.contains(".overridden") || place.hasSuffix(".signedBy") { return true }
    // The entry of a catalogue that was used tells more than the whole file, where a report has it.
    let entry = before[
      place.split(separator: ".").dropLast().joined(separator: ".") + ".catalogueEntry"]
    if place.hasSuffix("preprocessing.catalogue") { return entry != nil && replayed != .null }
    if place.hasSuffix("preprocessing.catalogueEntry") { return recorded == nil }
    // Older versions wrote 0 where nothing had been measured.
    let isShare = place.hasSuffix("probability") || place.contains("classAccuracy[")
    return isShare && recorded == .integer(0) && replayed == .null
  }

  private static func index(_ leaves: [JSONValue.Leaf]) -> [String: JSONValue.Leaf] {
    Dictionary(leaves.map { ($0.place, $0) }) { first, _ in first }
  }
}
