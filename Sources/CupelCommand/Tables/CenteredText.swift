import Cupel
import CupelSupport
import Foundation

/// What a person is told of a float model that a purification wrote.
enum CenteredText {
  /// - Parameters:
  ///   - right: test images that the vendor's model and this one are right about; nil where there
  ///     are no test images.
  ///   - count: of test images.
  static func text(
    _ centered: CenteredModel, scheme: Scheme, right: (vendor: Int, own: Int)? = nil,
    of count: Int = 0
  ) -> String {
    var lines = [
      String(
        format: "float model: %.5f nats from the vendor's on the calibration images, %.2f %% other "
          + "answers", centered.drift.divergence, 100 * (1 - centered.drift.agreement))
    ]
    if let right {
      let percent = [right.vendor, right.own].map { 100 * Double($0) / Double(max(count, 1)) }
      lines.append(
        String(
          format: "accuracy on \(grouped(count)) test images: %.2f %%, and %.2f %% before",
          percent[1], percent[0]))
    }
    let isPerTensor = scheme.granularity == .perTensor
    lines.append(
      "rounded to nearest \(isPerTensor ? "per tensor" : "per channel"), at \(scheme.weightBits) "
        + "bits\(scheme.folding == .post ? "" : " and before BatchNormalization is folded in"), it "
        + "has the purified integers; a converter that rounds per "
        + (isPerTensor ? "channel needs a scheme without .pt" : "tensor needs a scheme with .pt"))
    return (lines + notes(on: centered.network)).joined(separator: "\n") + "\n"
  }

  private static func notes(on network: CenteredNetwork) -> [String] {
    var notes: [String] = []
    func names(_ list: [String]) -> String { list.map { printable($0) }.joined(separator: ", ") }
    if !network.missed.isEmpty {
      let weights = network.missed.reduce(0) { $0 + $1.weights }
      notes.append(
        "note: \(grouped(weights)) weights have a scale that was raised for a large bias; a "
          + "converter that does not raise it gives them other integers of the same value: "
          + names(network.missed.map(\.layer)))
    }
    if !network.uncorrected.isEmpty {
      notes.append(
        "note: the file has no bias that could be corrected at: " + names(network.uncorrected))
    }
    return notes
  }
}
