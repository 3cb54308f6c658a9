import ArgumentParser
import Cupel

// How options' values are read.

extension DeploymentProfile {
  /// All names, for help.
  static var list: String { allCases.map(\.name).joined(separator: ", ") }

  /// An option's value.
  static func parse(_ name: String) throws -> DeploymentProfile {
    try Self(named: name).orInvalid("it is none of \(list)")
  }
}

extension Optional {
  /// What an option's text stands for.
  ///
  /// - Throws: a `ValidationError` with the rule that the text breaks.
  func orInvalid(_ rule: @autoclosure () -> String) throws -> Wrapped {
    guard let self else { throw ValidationError(rule()) }
    return self
  }
}

/// What stands between the commas of an option's text, each element once.
func elements<Element: Equatable>(
  _ text: String, _ read: (String) throws -> Element
) throws -> [Element] {
  var found: [Element] = []
  for part in text.split(separator: ",", omittingEmptySubsequences: false) {
    let element = try read(String(part))
    if !found.contains(element) { found.append(element) }
  }
  return found
}

/// - Throws: a `ValidationError` unless an option's value lies in a range; nil always does.
func check(_ name: String, _ value: Int?, in range: ClosedRange<Int>) throws {
  guard range.contains(value ?? range.lowerBound) else {
    throw ValidationError("\(name) must lie in \(range.lowerBound)…\(range.upperBound)")
  }
}
