import CupelAudit
import Foundation

/// Numbers as the report writes them.
enum Figure {
  /// A share as a percentage.
  static func percent(_ share: Double) -> String { minus(String(format: "%.1f", share * 100)) }

  /// A dash where there is no figure.
  static func percent(_ share: Double?, _ interval: ClosedRange<Double>?) -> Markup {
    guard let share, let interval else { return "–" }
    return percent(share, interval)
  }

  static func percent(_ share: Double, _ interval: ClosedRange<Double>) -> Markup {
    "\(percent(share)) <small>\(percent(interval))</small>"
  }

  static func percent(_ interval: ClosedRange<Double>) -> String {
    "[\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
  }

  /// A probability; what is all but certain is not written as certain.
  static func probability(_ value: Double?) -> String {
    guard let value else { return "–" }
    if value > 0.9995 { return "> 99.9 %" }
    if value < 0.0005 { return "< 0.1 %" }
    return percent(value) + " %"
  }

  static func seconds(_ value: Double) -> String {
    value < 9.95 ? String(format: "%.1f s", value) : String(format: "%.0f s", value)
  }

  private static func minus(_ text: String) -> String {
    if text == "-0.0" { return "0.0" }
    return text.hasPrefix("-") ? "−" + text.dropFirst() : text
  }
}

extension DetectionReport.Deployment {
  /// Scheme, and file or rounding where it is no plain nearest rounding.
  var title: String {
    let own = file.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    return [scheme.rawValue, own, rounding == .nearest ? nil : rounding.rawValue]
      .compactMap(\.self).joined(separator: ", ")
  }
}
