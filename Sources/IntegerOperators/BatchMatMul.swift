import CupelFixedPoint
import CupelModelFormat

/// Products of two activations that are matrices, one behind the other: acc[b][m][n] =
/// Σ (q₁[b][m][k] − z₁) · (q₂[b][k][n] − z₂), brought to the output's grid by the ratio
/// s₁ · s₂ / s_out. Source: TensorFlow Lite's BATCH_MATMUL of int8.
public struct BatchMatMul: Sendable, RescaleOperator {
  public static var code: UInt8 { 22 }
  public static var name: StaticString { "batch matrix product" }
  public static var operandCounts: ClosedRange<Int> { 2...2 }
  public static var minorVersion: UInt16 { 4 }

  /// The way of the sums of products to the output's grid.
  public var rescale: Rescale

  /// Products with this scale.
  public init(_ rescale: Rescale) { self.rescale = rescale }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    Int64(output.elementCount) &* Int64(input.channels)
  }
}

extension BatchMatMul: RunnableOperator {
  /// Inputs of [B][M][K] and [B][K][N], an output of [B][M][N].
  package func check(_ context: inout OperationContext) throws(FormatError) {
    let (first, second, output) = (context.input, context.operand(1), context.output)
    try context.demand(first.bits <= 8 && second.bits <= 8 && output.bits <= 8, .grids)
    try context.checkRounding(rescale.rounding, known: .scalings)
    try context.demand(
      first.height == output.height && second.height == output.height
        && first.width == output.width && first.channels == second.width
        && second.channels == output.channels, .outputExtent)
    let product = Int64(first.largestMagnitude) &* Int64(second.largestMagnitude)
    try context.checkRescale(rescale, sum: product &* Int64(first.channels))
  }

  /// The sums of a row.
  package func scratchBytes(_ step: Step) -> Int64 { Int64(step.output.channels) &* 4 }

  package func run(_ step: Step, in memory: StepMemory) {
    let mode = step.profile?.matrixProductMode ?? rescale.rounding
    rescale.tensorRescale(step, mode).multiplyMatrices(
      step.source(memory), step.input.extent, step.secondSource(memory),
      secondZeroPoint: Int32(step.second.zeroPoint), output: step.target(memory),
      step.output.extent, scratch: memory.scratch)
  }
}

extension TensorRescale {
  /// - Parameters:
  ///   - first: [B][M][K] of `extent`.
  ///   - second: [B][K][N].
  ///   - output: [B][M][N] of `to`; overlaps neither.
  ///   - scratch: N int32.
  public func multiplyMatrices(
    _ first: UnsafePointer<Int8>, _ extent: Extent, _ second: UnsafePointer<Int8>,
    secondZeroPoint: Int32, output: UnsafeMutablePointer<Int8>, _ to: Extent,
    scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let (depth, columns) = (extent.channels, to.channels)
    let sums = area.sums(columns)
    for row in 0..<to.height &* to.width {
      let values = first + row &* depth
      let matrix = second + row / to.width &* depth &* columns
      sums.update(repeating: 0, count: columns)
      for index in 0..<depth {
        let (value, factors) = (Int32(values[index]) &- inputZeroPoint, matrix + index &* columns)
        for column in 0..<columns {
          sums[column] &+= value &* (Int32(factors[column]) &- secondZeroPoint)
        }
      }
      for column in 0..<columns {
        output[row &* columns &+ column] = Int8(truncatingIfNeeded: apply(to: sums[column]))
      }
    }
  }
}
