/// Mean over height and width, rescaled: acc[c] = Σ (q − z_in) over all pixels, brought to the
/// output's grid by a ratio that holds the division, s_in / (s_out · H · W).
public struct Mean {
  public var input: Extent
  public var rescale: TensorRescale

  @inlinable
  public init(input: Extent, rescale: TensorRescale) {
    self.input = input
    self.rescale = rescale
  }

  /// Scratch that `run` needs, aligned to 4 bytes: the sums.
  public var scratchBytes: Int64 { Int64(input.channels) &* 4 }

  /// Input [H][W][C], output [C].
  public func run(
    input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    let channels = self.input.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    sums.update(repeating: 0, count: channels)
    for pixel in 0..<self.input.height &* self.input.width {
      let values = input + pixel &* channels
      for channel in 0..<channels {
        sums[channel] &+= Int32(values[channel]) &- rescale.inputZeroPoint
      }
    }
    for channel in 0..<channels {
      output[channel] = rescale.apply(to: sums[channel])
    }
  }
}
