import CupelHostRuntime
import CupelIntegerOperators
import CupelIntegerRuntime
import Foundation

/// Answers one question a line:
/// `time NETWORK BITS THREADS BATCH BUDGET` with seconds of one run;
/// `peak` with multiply-accumulates a second of the core, in registers;
/// `macs NETWORK` with multiply-accumulates of one image.
struct Server {
  private final class Cache { var subjects: [String: Subject] = [:] }
  private let cache = Cache()

  func run() throws {
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      defer { fflush(nil) }
      switch words.first {
      case "time" where words.count == 6:
        guard
          let subject = try subject(words[1], bits: words[2]), let threads = Int(words[3]),
          let batch = Int(words[4]), let budget = Double(words[5])
        else { return }
        print(subject.time(threads: threads, batch: batch, budget: budget))
      case "peak": print(Peak.rate(seconds: 0.05))
      case "macs" where words.count == 2:
        guard let subject = try subject(words[1], bits: "8") else { return }
        print(subject.macs)
      default: return
      }
    }
  }

  private func subject(_ name: String, bits: String) throws -> Subject? {
    let key = "\(name) \(bits)"
    if let known = cache.subjects[key] { return known }
    guard let network = Network(rawValue: name), let bits = Int(bits) else { return nil }
    let subject = try Subject(network, bits: bits)
    cache.subjects[key] = subject
    return subject
  }
}

/// What the core's dot products could do, if nothing but they had to be done.
enum Peak {
  /// Multiply-accumulates a second; 0 where the machine has no such instruction.
  static func rate(seconds budget: Double) -> Double {
    guard let level = InstructionSet.available.last?.level else { return 0 }
    var best = 0.0
    for _ in 0..<5 {
      var count: Int64 = 0
      let seconds = Main.seconds { count = level.peakRounds(Int64(budget / 5 * 8e7)) }
      best = max(best, Double(count) / seconds)
    }
    return best
  }
}
