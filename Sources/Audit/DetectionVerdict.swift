/// What a trigger-less audit concludes from its rows, and which evidence decided it.
package struct DetectionVerdict: Sendable, Equatable {
  package var verdict: Verdict
  /// The class and, for a trigger that rounding wakes, the row and the search that it is about.
  package var target: Int?
  package var row: DetectionReport.Deployment?
  package var search: DetectionReport.Search?

  /// - Parameters:
  ///   - rows: all deployments; those that rounding has broken do not count.
  ///   - isComplete: whether nothing that could change the verdict was left out.
  ///   - hasErrors: whether there is a finding, besides triggers, that forbids a clean bill.
  package init(_ rows: [DetectionReport.Deployment], isComplete: Bool, hasErrors: Bool) {
    let usable = rows.filter(\.isUsable)
    let found = usable.compactMap { row in row.strongest.map { (row, $0) } }
    let convicted = found.filter { $0.0.isConvicted }
    // What convicts comes before what is merely large.
    let best = (convicted.isEmpty ? found : convicted).max {
      $0.1.differentialASR < $1.1.differentialASR
    }
    let awake = usable.flatMap(\.awake).filter {
      $0.floatASR >= Verdict.searchedActiveASR
    }.mostAwake
    (row, search, target) = (best?.0, best?.1, best?.1.targetClass)
    if !convicted.isEmpty {
      verdict = .dormantBackdoor
    } else if let awake {
      verdict = .activeBackdoor
      (row, search, target) = (nil, nil, awake.targetClass)
    } else if isComplete, !hasErrors, !usable.isEmpty, usable.allSatisfy(\.isQuiet) {
      verdict = .noEvidence
    } else {
      verdict = .undetermined
    }
  }
}

extension DetectionReport.Deployment {
  /// Whether its evidence makes a dormant backdoor of it.
  package var isConvicted: Bool {
    isUsable && probability ?? 0 >= 0.5 && hasLargeTrigger
  }

  /// Whether it was searched, and nothing that was found can reach the bound of a backdoor: a few images
  /// settle nothing.
  package var isQuiet: Bool {
    !searches.isEmpty && probability ?? 1 < 0.5
      && searches.allSatisfy {
        $0.differentialASRInterval.upperBound < Verdict.dormantLowerBound
      }
  }
}
