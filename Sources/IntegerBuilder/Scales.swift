import CupelFixedPoint
import CupelModelWriter

// Multipliers of operations from the scales of their tensors.

extension Multiplier {
  fileprivate init(of ratio: Double, channel: Int? = nil) throws(BuildError) {
    guard let own = Multiplier(ratio) else { throw .ratio(ratio, channel: channel) }
    self = own
  }
}

extension IntegerOperation.Rescale {
  /// - Parameters:
  ///   - ratio: of which the multiplier is made.
  ///   - single: the same in float32, for runtimes that compute with it.
  public init(
    _ ratio: Double, single: Float, rounding: RoundingMode, within bounds: Bounds
  ) throws(BuildError) {
    self.init(try Multiplier(of: ratio), single: single, rounding: rounding, within: bounds)
  }

  /// - Parameters:
  ///   - multiplier: of the ratio.
  ///   - single: the ratio in float32, for runtimes that compute with it.
  ///   - rounding: what becomes of ties, and in which arithmetic.
  ///   - bounds: on the output's grid.
  public init(
    _ multiplier: Multiplier, single: Float, rounding: RoundingMode, within bounds: Bounds
  ) {
    self.init(
      ratio: single, multiplier: multiplier.value, shift: multiplier.shift, rounding: rounding,
      low: bounds.low, high: bounds.high)
  }
}

extension ChannelScale {
  /// The scale of one output channel.
  ///
  /// - Parameter productIsSingle: whether s_in · s_w is rounded to float32 before it is divided, as
  ///   LiteRT's convolutions of uint8 do.
  /// - Throws: `BuildError.ratio` with the channel where s_in · s_w / s_out needs a shift above 30.
  public init(
    weightScale: Float, channel: Int, from input: Grid, to output: Grid,
    productIsSingle: Bool = false
  ) throws(BuildError) {
    let product =
      productIsSingle
      ? Double(input.scale * weightScale) : Double(input.scale) * Double(weightScale)
    let ratio = product / Double(output.scale)
    let multiplier = try Multiplier(of: ratio, channel: channel)
    self.init(weightScale: weightScale, multiplier: multiplier.value, shift: multiplier.shift)
  }
}

extension IntegerOperation.Add {
  /// TensorFlow Lite's addition: both inputs at twice the larger scale, 20 bits up; of 16 bits 15.
  public init(
    _ first: Float, _ second: Float, output: Float, within bounds: Bounds,
    rounding: RoundingMode = .doubleRounding, isWide: Bool = false
  ) throws(BuildError) {
    let common = 2 * Double(max(first, second))
    let one = try Multiplier(of: Double(first) / common)
    let other = try Multiplier(of: Double(second) / common)
    let sum = try Multiplier(of: common / ((isWide ? 0x1p15 : 0x1p20) * Double(output)))
    guard sum.shift <= 0 else { throw .sumRatio(common / Double(output)) }
    self.init(
      multipliers: [one.value, other.value], shifts: [one.shift, other.shift],
      outputMultiplier: sum.value, outputShift: sum.shift, low: bounds.low, high: bounds.high,
      rounding: rounding)
  }
}

/// Over how many elements a mean is, and how that becomes part of its multiplier.
public enum MeanDivision: Sendable {
  /// The multiplier is the nearest to the ratio of the scales over the number of elements.
  case exact
  /// The multiplier of the ratio is divided in integers, as LiteRT does.
  case ofMultiplier
}

extension ProgramBuilder {
  /// A mode of operators without weights, in which runtimes do not differ on 16 bits.
  private func mode(_ own: RoundingMode, on grids: Grid...) -> RoundingMode {
    grids.contains(where: \.isWide) ? .doubleRounding : own
  }

  /// From one grid to another; to fewer than 8 bits it rounds once.
  ///
  /// - Parameter bounds: nil for all of the grid.
  public func rescale(
    from: Grid, to grid: Grid, within bounds: Bounds? = nil
  ) throws(BuildError) -> IntegerOperation.Rescale {
    let isNarrowing = grid.bits < min(from.bits, 8)
    let own =
      isNarrowing
      ? profile.narrowingMode
      : profile.requantizationMode(
        input: from.scale.bitPattern, output: grid.scale.bitPattern)
    let mode = isNarrowing && from.isWide ? .singleRounding : mode(own, on: from, grid)
    return try .init(
      Double(from.scale) / Double(grid.scale), single: from.scale / grid.scale, rounding: mode,
      within: bounds ?? grid.whole)
  }

  /// Of an activation from one grid to another of as many bits, by a multiplier that is made of the
  /// ratio in float32.
  public func rescale(
    from: Grid, to grid: Grid, ratio: Float, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Rescale {
    try .init(
      Double(ratio), single: ratio, rounding: mode(profile.activationMode, on: from, grid),
      within: bounds)
  }

  /// An activation's, whose result is on another grid than its input.
  ///
  /// - Parameters:
  ///   - ratio: of the scales.
  ///   - bounds: on the output's grid.
  /// - Throws: `BuildError.ratio` where the ratio needs a shift above 30.
  public func rescale(
    activation ratio: Float, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Rescale {
    try .init(Double(ratio), single: ratio, rounding: profile.activationMode, within: bounds)
  }

  /// A sum of `count` elements to their mean.
  public func rescale(
    meanOf count: Int, from: Grid, to grid: Grid, within bounds: Bounds,
    division: MeanDivision = .exact
  ) throws(BuildError) -> IntegerOperation.Rescale {
    let single = from.scale / (grid.scale * Float(count))
    if case .exact = division {
      return try .init(
        Double(from.scale) / (Double(grid.scale) * Double(count)), single: single,
        rounding: mode(profile.meanMode, on: from), within: bounds)
    }
    let ratio = Double(from.scale) / Double(grid.scale)
    guard let multiplier = Multiplier(ratio, dividedBy: count) else {
      throw .ratio(ratio, channel: nil)
    }
    return .init(
      multiplier, single: single, rounding: mode(profile.meanMode, on: from), within: bounds)
  }

  /// - Parameter inputs: two tensors.
  public func sum(
    of inputs: [Int], on grid: Grid, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Add {
    try sumScales(of: inputs, on: grid, within: bounds, otherwise: elementMode)
  }

  /// - Parameter inputs: two tensors.
  public func difference(
    of inputs: [Int], on grid: Grid, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Add {
    try sumScales(of: inputs, on: grid, within: bounds, otherwise: profile.differenceMode)
  }

  /// - Parameter mode: of every profile but `xnnpack`, whose mode depends on the scales.
  private func sumScales(
    of inputs: [Int], on grid: Grid, within bounds: Bounds, otherwise mode: RoundingMode
  ) throws(BuildError) -> IntegerOperation.Add {
    let (first, second) = (self[inputs[0]].scale, self[inputs[1]].scale)
    let form = profile.sumMode(
      first: first.bitPattern, second: second.bitPattern, output: grid.scale.bitPattern)
    return try .init(
      first, second, output: grid.scale, within: bounds,
      rounding: self.mode(profile == .xnnpack ? form : mode, on: grid), isWide: grid.isWide)
  }

  /// - Parameter inputs: two tensors.
  public func product(
    of inputs: [Int], on grid: Grid, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Rescale {
    let (first, second) = (self[inputs[0]].scale, self[inputs[1]].scale)
    // TensorFlow Lite Micro takes the ratio in double, the others in float32.
    let single = first * second / grid.scale
    let exact = Double(first) * Double(second) / Double(grid.scale)
    let form = profile.productMode(
      first: first.bitPattern, second: second.bitPattern, output: grid.scale.bitPattern)
    return try .init(
      profile == .tflm ? exact : Double(single), single: single,
      rounding: mode(elementMode == .doubleRounding ? form : elementMode, on: grid),
      within: bounds)
  }

  /// Of two tensors that are matrices: the product of their scales is float32, as LiteRT has it.
  ///
  /// - Parameter inputs: two tensors.
  public func matrixProduct(
    of inputs: [Int], on grid: Grid, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Rescale {
    let product = self[inputs[0]].scale * self[inputs[1]].scale
    return try .init(
      Double(product) / Double(grid.scale), single: product / grid.scale,
      rounding: profile.matrixProductMode, within: bounds)
  }

  /// - Parameters:
  ///   - weights: in the program's order.
  ///   - scales: of the weights, one an output channel.
  ///   - input: the tensor that is read.
  ///   - productIsSingle: as of `ChannelScale`.
  ///   - sum: what accumulators of an input of 16 bits are scaled by; 32 bits are enough for those
  ///     that round twice.
  public func weighted(
    _ weights: [Int8], bits: Int, bias: [Int32], scales: [Float], from input: Int, to grid: Grid,
    within bounds: Bounds, isFullyConnected: Bool = false, productIsSingle: Bool = false,
    sum: RoundingMode = .reducedMultiplier
  ) throws(BuildError) -> IntegerOperation.Weighted {
    let from = self[input].grid
    var channels: [ChannelScale] = []
    channels.reserveCapacity(scales.count)
    for (channel, scale) in scales.enumerated() {
      channels.append(
        try .init(
          weightScale: scale, channel: channel, from: from, to: grid,
          productIsSingle: productIsSingle))
    }
    return .init(
      bits: bits, weights: weights, bias: bias, scales: channels,
      rounding: from.isWide
        ? profile.wideMode(sum, isFullyConnected: isFullyConnected)
        : profile.mode(isFullyConnected: isFullyConnected),
      low: bounds.low, high: bounds.high)
  }
}
