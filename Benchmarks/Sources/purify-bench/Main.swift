import CupelFloatGraph
import CupelPurification
import CupelQuantization
import CupelSupport
import Foundation

/// Times `auto` on networks of three sizes, and beside it what the published solver would take: its
/// time an iteration times the 10,000 iterations of its authors.
@main
enum Main {
  struct Row: Encodable {
    var network: String
    var scheme = Main.scheme
    var images = Main.images
    var threads: Int
    /// Calibration and purification.
    var autoSeconds: Double
    /// EFRAP as published, an Adam step of all layers through second moments.
    var publishedSecondsPerIteration: Double
    var publishedSeconds: Double
    /// publishedSeconds / autoSeconds.
    var ratio: Double
    /// Largest resident memory so far, of `auto` alone for the first network.
    var peakBytes: Int
  }

  static let scheme = "w4a4"
  static let images = 1024
  private static let publishedIterations = 10_000

  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let output = arguments.first ?? "out/bench-purify.json"
    let wanted = Residual.allCases.filter {
      arguments.count < 2 || arguments.dropFirst().contains($0.rawValue)
    }
    let threads = ProcessInfo.processInfo.activeProcessorCount
    var table = TextTable([
      ("network", .left), ("auto", .right), ("published, an iteration", .right),
      ("published, 10,000", .right), ("ratio", .right), ("peak memory", .right),
    ])
    var rows: [Row] = []
    for network in wanted {
      let row = try measure(network, threads: threads)
      rows.append(row)
      table.add([
        row.network, String(format: "%.1f s", row.autoSeconds),
        String(format: "%.4f s", row.publishedSecondsPerIteration),
        String(format: "%.0f s", row.publishedSeconds), String(format: "%.1f", row.ratio),
        String(format: "%.2f GiB", Double(row.peakBytes) / 0x1p30),
      ])
    }
    print("\(scheme), \(images) calibration images, \(threads) threads\n\n" + table.text)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: output).deletingLastPathComponent(),
      withIntermediateDirectories: true)
    try AtomicFile.write(Array(encoder.encode(rows)) + [10], to: output)
  }

  private static func measure(_ network: Residual, threads: Int) throws -> Row {
    let graph = network.graph(seed: 1)
    let all = images(network, count: images)
    let scheme = try Scheme(scheme)
    var seconds = try time {
      let calibration = try Calibration(
        graph: graph, images: all, histograms: true, threads: threads)
      _ = try Purification(.auto, threads: threads).run(
        calibration: calibration, scheme: scheme, images: all)
    }
    let peak = peakBytes
    let auto = seconds
    // Two runs that differ by their iterations alone; batches of 32 images as published.
    let few = images(network, count: 64)
    let calibration = try Calibration(
      graph: graph, images: few, histograms: false, threads: threads)
    func published(_ iterations: Int) throws -> Double {
      try time {
        _ = try Purification(.efrap, solver: .adam, iterations: iterations, threads: threads).run(
          calibration: calibration, scheme: scheme, images: few)
      }
    }
    let (short, long) = network == .resnet18 ? (1, 11) : (20, 220)
    seconds = try published(long) - published(short)
    let iteration = seconds / Double(long - short)
    return Row(
      network: network.rawValue, threads: threads, autoSeconds: auto,
      publishedSecondsPerIteration: iteration,
      publishedSeconds: iteration * Double(publishedIterations),
      ratio: iteration * Double(publishedIterations) / auto, peakBytes: peak)
  }

  private static func images(_ network: Residual, count: Int) -> Tensor {
    var generator = SeededGenerator(seed: 2)
    var images = Tensor(batch: count, shape: network.input)
    for index in images.values.indices { images.values[index] = generator.normal() }
    return images
  }

  private static func time(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  private static var peakBytes: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let kibibytes = line?.split(separator: " ").compactMap { Int($0) }.first ?? 0
    return kibibytes * 1024
  }
}
