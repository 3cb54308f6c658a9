import ArgumentParser
import Cupel
import CupelSweep

// How values of a plan's options are read.

extension SchemeChoice {
  var planned: SweepPlan.Schemes {
    switch self {
    case .matrix: .matrix
    case .all: .list(Scheme.all)
    case .list(let list): .list(list)
    }
  }
}

func parseTrigger(_ text: String) throws -> SweepPlan.Trigger {
  if text == "search" { return .search }
  if text == "catalogue" { return .catalogue }
  let parts = text.split(separator: "=", omittingEmptySubsequences: false)
  guard parts.count == 2, let target = Int(parts[1]), target >= 0 else {
    throw ValidationError("give TRIGGER=CLASS, such as patch:4x4@bottom-right:white=0")
  }
  return .known(.init(trigger: try Trigger(String(parts[0])).description, target: target))
}

/// The most seeds of one plan.
private let mostSeeds: UInt64 = 100_000

func parseSeeds(_ text: String) throws -> [UInt64] {
  let lists = try elements(text) { part -> [UInt64] in
    let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
    guard let first = ends[0], ends.count <= 2, let last = ends.count == 2 ? ends[1] : first,
      first <= last, last - first < mostSeeds
    else { throw ValidationError("give seeds such as 0-9 or 1,5") }
    return Array(first...last)
  }
  return lists.flatMap(\.self)
}
