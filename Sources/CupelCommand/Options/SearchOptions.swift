import ArgumentParser
import Cupel

/// What is searched where no trigger is known, and for how long.
struct SearchEffortOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Without --trigger: families of triggers to search, separated by commas: "
        + "\(TriggerFamily.allCases.map(\.rawValue).joined(separator: ", ")). (default: all)",
      valueName: "families"), transform: parseFamilies)
  var families: [TriggerFamily]?

  @Option(
    help: ArgumentHelp(
      "Without --trigger: stop searching after this time, such as 60s or 5m; the report says what "
        + "was left out.", valueName: "time"), transform: parseDuration)
  var budget: Double?

  var isGiven: Bool { families != nil || budget != nil }

  private static func parseFamilies(_ text: String) throws -> [TriggerFamily] {
    let wanted = try elements(text) { name in
      try TriggerFamily(rawValue: name).orInvalid("there is no family '\(name)'")
    }
    return TriggerFamily.allCases.filter(wanted.contains)
  }
}

/// What `cupel audit` searches for without `--trigger`, and what it writes then.
struct SearchOptions: ParsableArguments {
  @OptionGroup var effort: SearchEffortOptions

  @Option(help: ArgumentHelp("Without --trigger: write a report to look at.", valueName: "file"))
  var html: String?

  @Option(
    help: ArgumentHelp("Without --trigger: write SARIF 2.1.0 for code scanning.", valueName: "file")
  )
  var sarif: String?

  @Option(help: ArgumentHelp("Without --trigger: write a CycloneDX 1.7 ML-BOM.", valueName: "file"))
  var cyclonedx: String?

  var isGiven: Bool { effort.isGiven || html != nil || sarif != nil || cyclonedx != nil }
}

/// Seconds.
func parseDuration(_ text: String) throws -> Double {
  let units = ["ms": 0.001, "s": 1.0, "m": 60, "h": 3600]
  let digits = text.prefix { $0.isNumber || $0 == "." }
  guard let number = Double(digits), let unit = units[String(text.dropFirst(digits.count))],
    number > 0, number * unit <= 1e6
  else { throw ValidationError("give a time such as 60s or 5m") }
  return number * unit
}
