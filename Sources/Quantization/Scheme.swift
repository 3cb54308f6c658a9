/// A deployment scheme: everything that decides how a float network becomes integers, apart from
/// the choice of rounding each weight up or down.
///
/// Its name is used in file metadata, catalogues, JSON and on the command line:
/// `w8a8`, `w4a8`, `w4a4`, `w8a16`, …, then optional suffixes in any order:
///
/// | suffix | meaning |
/// |---|---|
/// | `.pc` `.pt` | one weight scale per output channel (default), or per tensor |
/// | `.post` `.pre` | weights rounded after BatchNorm is folded in (default), or before |
/// | `.minmax` `.ema` `.pct` `.mse` | range estimation (default min-max) |
/// | `.full` | weights may be −128 (−8); default restricted to ±127 (±7) |
/// | `.edge8` | first and last weighted layer at 8 bits |
public struct Scheme: Sendable, Hashable, CustomStringConvertible {
  /// How many scales a layer's weights have.
  public enum Granularity: String, Sendable, CaseIterable {
    /// One for each output channel.
    case perChannel = "pc"
    /// One for the whole tensor.
    case perTensor = "pt"
  }

  /// Whether weights are rounded after BatchNormalization is folded in, or before.
  public enum Folding: String, Sendable, CaseIterable {
    /// Folded first, then rounded.
    case post
    /// Rounded first; requantization applies BatchNormalization's factor.
    case pre
  }

  /// How an activation's range is told from what calibration has seen.
  public enum RangeEstimation: String, Sendable, CaseIterable {
    /// From the least to the greatest value.
    case minmax
    /// A moving average of batches' least and greatest values.
    case ema
    /// Between percentiles.
    case pct
    /// What makes the mean squared error of rounding least.
    case mse
  }

  /// Bits of a weight: 8 or 4.
  public var weightBits: Int
  /// Bits of the inputs of layers with weights: 8 or 4, where residual sums, pooling, the network's
  /// input and the logits stay at 8; or 16, which all activations have then.
  public var activationBits: Int
  /// Scales of weights.
  public var granularity: Granularity
  /// When BatchNormalization is folded in.
  public var folding: Folding
  /// How ranges of activations are estimated.
  public var range: RangeEstimation
  /// Whether weights may be the lowest number of their bits, −128 or −8.
  public var fullRange: Bool
  /// Whether the first and the last layer with weights have 8 bits, whatever the others have; their
  /// activations at least 8.
  public var edgesAtEightBits: Bool

  /// - Parameters: as the properties; the defaults are those of `w8a8`.
  public init(
    weightBits: Int = 8, activationBits: Int = 8, granularity: Granularity = .perChannel,
    folding: Folding = .post, range: RangeEstimation = .minmax, fullRange: Bool = false,
    edgesAtEightBits: Bool = false
  ) {
    (self.weightBits, self.activationBits) = (weightBits, activationBits)
    (self.granularity, self.folding) = (granularity, folding)
    (self.range, self.fullRange, self.edgesAtEightBits) = (range, fullRange, edgesAtEightBits)
  }

  /// Parses a scheme's name.
  /// - Throws: `QuantizationError.scheme` that says which part is not understood.
  public init(_ name: String) throws(QuantizationError) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    self.init()
    guard let bits = Self.bits[parts[0]] else {
      throw .scheme(
        name, rule: "it starts with one of \(Self.bits.keys.sorted().joined(separator: ", "))")
    }
    (weightBits, activationBits) = bits
    var seen = Set<String>()
    for part in parts.dropFirst() {
      let family: String
      if let value = Granularity(rawValue: part) {
        (granularity, family) = (value, "granularity")
      } else if let value = Folding(rawValue: part) {
        (folding, family) = (value, "folding")
      } else if let value = RangeEstimation(rawValue: part) {
        (range, family) = (value, "range estimation")
      } else if part == "full" {
        (fullRange, family) = (true, "full")
      } else if part == "edge8" {
        (edgesAtEightBits, family) = (true, "edge8")
      } else {
        throw .scheme(
          name,
          rule: "'.\(part)' is none of .pc .pt .post .pre .minmax .ema .pct .mse .full .edge8")
      }
      guard seen.insert(family).inserted else {
        throw .scheme(name, rule: "its \(family) is given twice")
      }
    }
  }

  private static let bits = [
    "w8a8": (8, 8), "w4a8": (4, 8), "w4a4": (4, 4), "w8a4": (8, 4), "w8a16": (8, 16),
    "w4a16": (4, 16),
  ]

  /// Bits of whatever no layer with weights reads alone.
  package var storedBits: Int { max(activationBits, 8) }

  /// The canonical name: defaults left out, suffixes in the table's order.
  public var description: String {
    var name = "w\(weightBits)a\(activationBits)"
    if granularity != .perChannel { name += "." + granularity.rawValue }
    if folding != .post { name += "." + folding.rawValue }
    if range != .minmax { name += "." + range.rawValue }
    if fullRange { name += ".full" }
    if edgesAtEightBits { name += ".edge8" }
    return name
  }

  /// What an audit tries when told nothing else: {w8a8, w4a8, w4a4} × {.pc.post, .pt.pre}.
  public static let standardMatrix: [Scheme] = [(8, 8), (4, 8), (4, 4)].flatMap { bits in
    [
      Scheme(weightBits: bits.0, activationBits: bits.1),
      Scheme(
        weightBits: bits.0, activationBits: bits.1, granularity: .perTensor, folding: .pre),
    ]
  }

  /// Every bit-width × granularity × folding × range estimation, restricted range.
  public static let all: [Scheme] = [(8, 8), (4, 8), (4, 4)].flatMap { bits in
    Granularity.allCases.flatMap { granularity in
      Folding.allCases.flatMap { folding in
        RangeEstimation.allCases.map { range in
          Scheme(
            weightBits: bits.0, activationBits: bits.1, granularity: granularity,
            folding: folding, range: range)
        }
      }
    }
  }

  /// Lowest and highest weight of the grid with `bits` bits.
  public func weightLimits(bits: Int) -> ClosedRange<Int> {
    let high = (1 << (bits - 1)) - 1
    return (fullRange ? -high - 1 : -high)...high
  }
}
