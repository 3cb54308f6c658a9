/// From a deployment's evidence to the probability of a dormant backdoor.
public struct DecisionRule: Sendable {
  public static func probability(_ searches: [DetectionReport.Search]) -> Double {
    searches.map(\.differentialASR).max() ?? 0
  }
}
