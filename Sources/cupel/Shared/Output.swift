import Foundation
import Support

/// A share as a percentage with two decimals.
func percent(_ share: Double) -> String { String(format: "%.2f", share * 100) }

/// A percentage with its 95 % interval.
func percent(_ share: Double, _ interval: ClosedRange<Double>) -> String {
  "\(percent(share)) [\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
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

func writeJSON(_ value: some Encodable, to path: String) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  try AtomicFile.write(Array(encoder.encode(value)) + [10], to: path)
}

/// Seconds since some moment.
struct Stopwatch {
  private let start = ContinuousClock.now
  var seconds: Double {
    let elapsed = ContinuousClock.now - start
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }
}
