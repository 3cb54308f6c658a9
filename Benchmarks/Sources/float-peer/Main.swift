import CupelAudit
import CupelDatasets
import CupelFloatGraph
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelImport
import CupelModelWriter
import CupelQuantization
import Foundation

/// Times the integer engine against the float executor, A B A B …, and prints the ratio of each
/// pair: on a noisy machine a ratio from one run says more than two times from two.
@main
enum Main {
  static let rounds = 7
  static let imageCount = 1000

  static func main() throws {
    let folder = CommandLine.arguments.dropFirst().first ?? "models"
    let path = "\(folder)/resnet8-fmnist-clean-a.onnx"
    let catalogue = try Catalogue(path: "\(folder)/catalogue.json")
    guard let preprocessing = catalogue.specimens.first?.preprocessing else {
      print("\(catalogue.path) lists no model")
      return
    }
    let graph = try OnnxImporter.load(path: path)
    let images = try ImageSet.load(
      path: "/usr/share/datasets/fashion-mnist", split: .test, limit: imageCount)
    let input = Tensor(
      batch: images.count, shape: [images.channels, images.height, images.width],
      values: try preprocessing.normalized(images.unlabelled))

    print("ResNet-8, \(images.count) images, \(rounds) interleaved rounds; float peer: BLIS sgemm")
    print("scheme  threads  integer images/s  float images/s  time ratio  (min … max)  GMAC/s")
    for name in ["w8a8", "w4a8", "w4a4"] {
      let calibration = try Calibration(
        graph: graph, images: input, histograms: false, threads: 2)
      let plan = try QuantizationPlan(
        calibration: calibration, scheme: try Scheme(name))
      let program = try Lowering.program(plan.nearest())
      let engine = try IntegerEngine(bytes: try CupelWriter.bytes(of: program))
      let quantizer = try InputQuantizer(
        preprocessing: preprocessing, scale: engine.inputScale,
        zeroPoint: engine.inputZeroPoint, bits: engine.inputBits, shape: engine.inputShape)
      let integers = try quantizer.quantize(images.pixels)
      for threads in [1, 2] {
        let executor = try FloatExecutor(graph: graph, threads: threads)
        var pairs: [(integer: Double, float: Double)] = []
        for round in 0...rounds {
          let integer = try seconds { _ = try engine.outputs(integers, threads: threads) }
          let float = try seconds { _ = try executor.run(input) }
          if round > 0 { pairs.append((integer, float)) }
        }
        report(name, threads, pairs, macs: graph.macs)
      }
    }
  }

  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  static func report(
    _ scheme: String, _ threads: Int, _ pairs: [(integer: Double, float: Double)], macs: Int
  ) {
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let ratios = pairs.map { $0.integer / $0.float }
    let integer = Double(imageCount) / median(pairs.map(\.integer))
    let float = Double(imageCount) / median(pairs.map(\.float))
    print(
      String(
        format: "%6@  %7d  %16.0f  %14.0f  %10.2f  (%.2f … %.2f)  %6.1f", scheme as NSString,
        threads, integer, float, median(ratios), ratios.min()!, ratios.max()!,
        integer * Double(macs) / 1e9))
  }
}
