import Foundation

/// A share as a percentage with two decimals.
func percent(_ share: Double) -> String { String(format: "%.2f", share * 100) }

/// A percentage with its 95 % interval, where that is one.
func percent(_ share: Double, _ interval: ClosedRange<Double>?) -> String {
  guard let interval else { return percent(share) }
  return "\(percent(share)) [\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
}

/// A count with thousands separated by thin gaps: 1 234 567.
func grouped(_ number: Int) -> String {
  var digits = Array(String(number))
  var position = digits.count - 3
  while position > 0 {
    digits.insert(" ", at: position)
    position -= 3
  }
  return String(digits)
}

func kibibytes(_ bytes: Int) -> String { String(format: "%.1f KiB", Double(bytes) / 1024) }
