import CupelModelImport
import CupelSupport
import TestSupport
import Testing

/// What becomes of a file that nobody vouches for.
enum ImportOutcome {
  case accepted
  /// Well-formed, and refused by a check behind the decoder.
  case refused
  case malformed

  /// Imports a file of `size` bytes and holds the memory that it takes to its bound.
  static func of<Model>(
    size: Int, _ label: Comment, _ load: () throws(ImportError) -> Model
  ) -> (outcome: Self, model: Model?) {
    var model: Model?
    var outcome = Self.accepted
    let growth = MemoryGrowth.measure {
      do throws(ImportError) {
        model = try load()
      } catch {
        #expect(!error.description.isEmpty, label)
        if case .malformed = error { outcome = .malformed } else { outcome = .refused }
      }
    }
    #expect(
      Settings.isSanitized || growth < 4 * size + 16 << 20, "\(label): grew by \(growth)")
    return (outcome, model)
  }
}

/// Damages a file in several ways.
protocol FileMutator {
  associatedtype Kind: CaseIterable
  func mutated(_ kind: Kind, by generator: inout SeededGenerator) -> [UInt8]
}

extension FileMutator {
  /// Damages the file in every way from `seeds` seeds each, and counts the outcomes. It would say
  /// little if nearly all files died in the decoder: one in `accepted` is to be accepted, one in
  /// `refused` to reach the checks.
  func attempt(
    _ base: String, seeds: Int, accepted: Int, refused: Int,
    _ outcome: ([UInt8], Comment) throws -> ImportOutcome
  ) rethrows {
    var counts: [ImportOutcome: Int] = [:]
    for kind in Kind.allCases {
      for seed in 0..<seeds {
        var generator = SeededGenerator(seed: UInt64(seed))
        let bytes = mutated(kind, by: &generator)
        counts[try outcome(bytes, "\(base), \(kind), seed \(seed)"), default: 0] += 1
      }
    }
    let total = Kind.allCases.count * seeds
    #expect(counts[.accepted, default: 0] > total / accepted, "\(counts) of \(total)")
    #expect(counts[.refused, default: 0] > total / refused, "\(counts) of \(total)")
  }
}
