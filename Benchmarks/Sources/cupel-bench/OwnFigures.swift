import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import Foundation

/// Figures that need no peer: times, shares of the peak, loading, and ratios between Cupel's own
/// ways of running a network.
enum OwnFigures {
  static func print(networks: [Network]) throws {
    let peak = Peak.rate(seconds: 0.2)
    Swift.print(
      "instruction set \(try InstructionSet.standard()); "
        + String(format: "peak of one core %.0f GMAC/s", peak * 1e-9))
    Swift.print("network            weights  threads  batch        µs  GMAC/s  of peak")
    for network in networks {
      for bits in [8, 4] {
        let subject = try Subject(network, bits: bits)
        for (threads, batch) in [(1, 1), (2, 1), (1, 32), (2, 32)] {
          let seconds = subject.time(threads: threads, batch: batch, budget: 0.1)
          let rate = Double(subject.macs * batch) / seconds
          Swift.print(
            text(network.rawValue, 18), "    w\(bits)",
            String(
              format: "%9d%7d%10.1f%8.1f%8.0f %%", threads, batch, seconds * 1e6, rate * 1e-9,
              peak > 0 ? rate / peak / Double(threads) * 100 : 0))
        }
      }
    }
    try printRatios(networks)
    try printLoading(networks)
  }

  private static func text(_ text: String, _ width: Int) -> String {
    text.padding(toLength: width, withPad: " ", startingAt: 0)
  }

  /// Median, least and largest of the ratios of interleaved rounds.
  static func ratios(_ a: () -> Double, _ b: () -> Double, rounds: Int = 7) -> [Double] {
    (0..<rounds).map { _ in a() / b() }.sorted()
  }

  private static func summary(_ ratios: [Double]) -> String {
    String(
      format: "%.3f (%.3f … %.3f)", ratios[ratios.count / 2], ratios[0], ratios[ratios.count - 1])
  }

  private static func printRatios(_ networks: [Network]) throws {
    Swift.print(
      "\ntime ratios, batch 1, one thread:  4-bit to 8-bit weights;  reference to fastest")
    for network in networks {
      let eight = try Subject(network, bits: 8)
      let four = try Subject(network, bits: 4)
      let reference = try Subject(network, bits: 8, instructionSet: .reference)
      let narrow = ratios(
        { four.time(threads: 1, batch: 1, budget: 0.02) },
        { eight.time(threads: 1, batch: 1, budget: 0.02) })
      let plain = ratios(
        { reference.time(threads: 1, batch: 1, budget: 0.05) },
        { eight.time(threads: 1, batch: 1, budget: 0.05) }, rounds: 3)
      Swift.print(text(network.rawValue, 18), summary(narrow), " ", summary(plain))
    }
  }

  private static func printLoading(_ networks: [Network]) throws {
    Swift.print(
      "\nloading and packing, ms: without the digest; the digest;  file bytes w8, w4/w8;  "
        + "weight bytes w4/w8;  arena of tensors, lower bound")
    for network in networks {
      let subject = try Subject(network, bits: 8)
      var whole: [Double] = []
      var digest: [Double] = []
      for _ in 0..<5 {
        let copy = subject.file.map { $0 }
        digest.append(Main.seconds { _ = SHA256.hex(subject.file) })
        whole.append(try Main.seconds { _ = try IntegerEngine(bytes: copy) })
      }
      let least = digest.min()!
      let four = try Subject(network, bits: 4)
      let arena = subject.engine.withModel { ($0.arenaSize, $0.arenaLowerBound) }
      Swift.print(
        text(network.rawValue, 18),
        String(
          format: "%8.2f %8.2f %10d  %.3f  %.3f %8d %8d", (whole.min()! - least) * 1e3,
          least * 1e3, subject.file.count, Double(four.file.count) / Double(subject.file.count),
          Double(weightBytes(four)) / Double(weightBytes(subject)), arena.0, Int(arena.1)))
    }
  }

  private static func weightBytes(_ subject: Subject) -> Int {
    subject.engine.withModel { CupelReader.program(from: $0) }.operations
      .compactMap(\.kind.weights).reduce(0) { $0 + $1.weights.count * $1.bits / 8 }
  }
}
