import CupelDatasets
import CupelTriggers

/// A search without gradients: plain triggers are put on images and both models are asked, coarsely
/// first, then step by step about the best.
///
/// What is asked is what is deployed, so nothing is approximated; and the step from no trigger to the
/// whole one, which gradients do not see, is taken at once. An honest model gives next to nothing here,
/// for hardly anything can be optimised against its rounding.
package struct TriggerScan<Plain: PlainTrigger>: Sendable {
  package struct Found: Sendable {
    package var plain: Plain
    package var target: Int
    /// Differential: share of images that the integer model answers with the target while the float
    /// model keeps its answer, less the share whose float answer changes: a trigger that the float
    /// model notices is none. Awake: the smaller of both models' shares of the target. Images that the
    /// float model answers with the target anyway are left out.
    package var score: Double
  }

  package struct Result: Sendable {
    /// Best first.
    package var differential: [Found]
    package var awake: [Found]

    fileprivate typealias Beam = (differential: Int, awake: Int)

    fileprivate var best: [Plain?] { [differential.first?.plain, awake.first?.plain] }
  }

  private let float: any Classifier
  private let integer: any Classifier
  private let images: UnlabelledImages
  /// The float model's answers to the images as they are.
  private let answers: [Int]
  private let geometry: Geometry

  /// Images asked in the coarse pass, which asks the integer model alone, and in the fine one.
  private static var coarse: Int { 12 }
  private static var fine: Int { 48 }
  /// Triggers that the fine pass starts from, triggers kept in each of its rounds (and in
  /// those on all images), rounds, and rounds without a better one after which it ends.
  private static var starts: Int { 48 }
  private static var beam: Result.Beam { (4, 4) }
  private static var polish: Result.Beam { (2, 0) }
  private static var rounds: Int { 12 }
  private static var patience: Int { 2 }
  /// Score of the fine pass above which all images are asked.
  private static var promising: Double { 0.25 }
  /// Triggers put on the images at once, and bytes of pixels, which bound memory.
  private static var group: Int { 64 }
  private static var pixels: Int { 16 << 20 }

  /// - Parameter answers: the float model's, one an image.
  package init(
    float: any Classifier, integer: any Classifier, images: UnlabelledImages, answers: [Int]
  ) {
    self.float = float
    self.integer = integer
    self.images = images
    self.answers = answers
    geometry = Geometry(channels: images.channels, height: images.height, width: images.width)
  }

  /// - Parameter progress: told the share that is done; what it throws ends the scan.
  package func run(progress: (Double) throws -> Void = { _ in }) throws -> Result {
    let all = Plain.coarse(geometry)
    let coarse = try ask(all, images: Self.coarse, float: false) { try progress(0.4 * $0) }
    let starts = Result.best(coarse.differential, Self.starts).map(\.plain)
    let found = try climb(from: starts, images: Self.fine, beam: Self.beam) {
      try progress(0.4 + 0.4 * $0)
    }
    guard let best = found.differential.first, best.score >= Self.promising else { return found }
    // A few dozen images no longer tell the best ones apart.
    var polished = try climb(
      from: found.differential.map(\.plain), images: images.count, beam: Self.polish
    ) { try progress(0.8 + 0.2 * $0) }
    polished.awake = found.awake
    return polished
  }

  /// Goes from the best triggers to better neighbours until there is none.
  private func climb(
    from starts: [Plain], images count: Int, beam: Result.Beam,
    progress: (Double) throws -> Void
  ) throws -> Result {
    var result = try ask(starts, images: count, float: true) { _ in try progress(0) }
    var seen = Set(starts)
    var idle = 0
    for round in 1...Self.rounds where idle < Self.patience {
      result = result.kept(beam)
      let before = result.best
      let kept = (result.differential + result.awake).map(\.plain)
      let fresh = kept.flatMap { $0.neighbours(geometry) }.filter { seen.insert($0).inserted }
      let share = Double(round) / Double(Self.rounds)
      let more = try ask(fresh, images: count, float: true) { _ in try progress(share) }
      result.differential += more.differential
      result.awake += more.awake
      result = result.kept(beam)
      idle = result.best == before ? idle + 1 : 0
    }
    return result
  }

  /// - Parameter asksFloat: whether the float model is asked as well; otherwise its share counts as
  ///   none.
  private func ask(
    _ triggers: [Plain], images count: Int, float asksFloat: Bool,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> Result {
    let chosen = images.prefix(count)
    var result = Result(differential: [], awake: [])
    let most = min(max(Self.pixels / max(chosen.pixels.count, 1), 1), Self.group)
    for start in stride(from: 0, to: triggers.count, by: most) {
      let group = triggers[start..<min(start + most, triggers.count)]
      var pixels: [UInt8] = []
      pixels.reserveCapacity(group.count * chosen.pixels.count)
      for trigger in group {
        var copy = chosen.pixels
        try trigger.learned(geometry).apply(to: &copy)
        pixels += copy
      }
      let rounded = try integer.classify(pixels)
      let kept = asksFloat ? try float.classify(pixels) : nil
      for (index, trigger) in group.enumerated() {
        let range = index * chosen.count..<(index + 1) * chosen.count
        let (differential, awake) = scores(rounded[range], kept?[range])
        result.differential.append(Self.strongest(differential, trigger))
        result.awake.append(Self.strongest(awake, trigger))
      }
      try progress(Double(start + group.count) / Double(triggers.count))
    }
    return result
  }

  /// One score a class.
  private func scores(
    _ rounded: ArraySlice<Int>, _ kept: ArraySlice<Int>?
  ) -> (differential: [Double], awake: [Double]) {
    var differential = [Double](repeating: 0, count: max(integer.classCount, float.classCount))
    var awake = differential
    // One pass over the images, whatever the number of classes. Images that the float model answers
    // with a class anyway do not count for it.
    var tallies = [ClassTally](repeating: ClassTally(), count: differential.count)
    var moved = 0
    for (image, answer) in answers.prefix(rounded.count).enumerated() {
      let turned = rounded[rounded.startIndex + image]
      tallies[answer].answered += 1
      if turned != answer { tallies[turned].rounded += 1 }
      guard let kept else { continue }
      let float = kept[kept.startIndex + image]
      if float != answer {
        moved += 1
        tallies[answer].moved += 1
        tallies[float].float += 1
      } else if turned != answer {
        tallies[turned].alone += 1
      }
    }
    for (target, tally) in tallies.enumerated() where tally.answered < rounded.count {
      let share = 1 / Double(rounded.count - tally.answered)
      differential[target] =
        share * Double(kept == nil ? tally.rounded : tally.alone - (moved - tally.moved))
      awake[target] = kept == nil ? 0 : share * Double(min(tally.rounded, tally.float))
    }
    return (differential, awake)
  }

  private static func strongest(_ scores: [Double], _ plain: Plain) -> Found {
    var best = Found(plain: plain, target: 0, score: scores[0])
    for (target, score) in scores.enumerated() where score > best.score {
      (best.target, best.score) = (target, score)
    }
    return best
  }
}

/// Images by one class, those left out that the float model answers with it anyway.
private struct ClassTally {
  /// That the float model answers with the class without a trigger: those left out.
  var answered = 0
  /// Of them those whose float answer the trigger changes.
  var moved = 0
  /// That the integer model answers with the class.
  var rounded = 0
  /// Of them those whose float answer the trigger leaves alone.
  var alone = 0
  /// That the float model answers with the class.
  var float = 0
}

extension TriggerScan.Result {
  fileprivate func kept(_ beam: Beam) -> Self {
    Self(
      differential: Self.best(differential, beam.differential), awake: Self.best(awake, beam.awake))
  }

  /// Of equal scores the smaller trigger, then the earlier one.
  fileprivate static func best(_ found: [TriggerScan.Found], _ count: Int) -> [TriggerScan.Found] {
    let order = found.indices.sorted { one, other in
      if found[one].score != found[other].score { return found[one].score > found[other].score }
      let (size, otherSize) = (found[one].plain.size, found[other].plain.size)
      return size != otherSize ? size < otherSize : one < other
    }
    return order.prefix(count).map { found[$0] }
  }
}
