import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import Foundation

/// Times the integer engine. Without arguments it prints figures of its own; `serve` answers the
/// questions of `tools/peers/compare.py`, which times others in between.
@main
enum Main {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "serve": try Server().run()
    case nil: try OwnFigures.print(networks: Network.allCases)
    case "only":
      try OwnFigures.print(networks: arguments.dropFirst().compactMap(Network.init(rawValue:)))
    case "profile" where arguments.count == 4:
      guard let network = Network(rawValue: arguments[1]), let bits = Int(arguments[2]),
        let images = Int(arguments[3])
      else { fallthrough }
      try OperationProfile.print(network, bits: bits, images: images)
    case "write" where arguments.count == 4:
      guard let network = Network(rawValue: arguments[1]), let bits = Int(arguments[2]) else {
        fallthrough
      }
      try AtomicFile.write(try CupelWriter.bytes(of: network.program(bits: bits)), to: arguments[3])
    case "load" where arguments.count == 2: try LoadedMemory.print(path: arguments[1])
    default:
      FileHandle.standardError.write(
        Data(usage.utf8))
      exit(64)
    }
  }

  private static let usage = """
    usage: cupel-bench [serve | only NETWORK… | profile NETWORK BITS IMAGES
                        | write NETWORK BITS FILE | load FILE]

    """

  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }
}

/// A network ready to run, with inputs for any batch.
final class Subject {
  let engine: IntegerEngine
  let file: [UInt8]
  let macs: Int

  init(_ network: Network, bits: Int, instructionSet: InstructionSet? = nil) throws {
    file = try CupelWriter.bytes(of: network.program(bits: bits))
    engine = try IntegerEngine(bytes: file, instructionSet: instructionSet)
    macs = engine.withModel { model in
      (0..<model.operationCount).reduce(0) { $0 + Int(model.multiplyAccumulates($1)) }
    }
  }

  /// Seconds of one run over a batch: of five slices, which together take about `budget` seconds,
  /// the one in which a run took least. Others' work on the machine falls on some slices only.
  func time(threads: Int, batch: Int, budget: Double) -> Double {
    var generator = SeededGenerator(seed: 3)
    let inputs = (0..<batch * engine.inputCount).map { _ in
      Int8(generator.integer(in: -128...127))
    }
    var outputs = [Int8](repeating: 0, count: batch * engine.outputCount)
    return inputs.withUnsafeBufferPointer { source in
      outputs.withUnsafeMutableBufferPointer { target in
        // The sizes fit, so nothing is thrown.
        func run() { try? engine.run(source, into: target, threads: threads) }
        run()
        let once = Main.seconds(run)
        let rounds = max(1, min(Int(budget / 5 / max(once, 1e-7)), 1_000_000))
        return (0..<5).map { _ in
          Main.seconds { for _ in 0..<rounds { run() } } / Double(rounds)
        }.min()!
      }
    }
  }
}
