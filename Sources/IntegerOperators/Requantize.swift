import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// To another grid: acc = q − z_in, scaled.
public struct Requantize: Sendable, RescaleOperator {
  public static var code: UInt8 { 10 }
  public static var name: StaticString { "requantize" }

  /// The way to the output's grid.
  public var rescale: Rescale

  /// A change of grids with this scale.
  public init(_ rescale: Rescale) { self.rescale = rescale }
}

extension Requantize: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.checkRescale(rescale, sum: Int64(context.input.largestMagnitude))
    let form = XnnpackRequantization(
      input: context.input.scaleBits, output: context.output.scaleBits)
    if form == nil { try context.refuseXnnpack(rescale.rounding) }
  }

  private func tensorRescale(_ step: Step) -> TensorRescale {
    let scales = (step.input.scaleBits, step.output.scaleBits)
    let isNarrowing = step.output.bits < step.input.bits
    let mode =
      step.profile.map {
        isNarrowing
          ? $0.narrowingMode : $0.requantizationMode(input: scales.0, output: scales.1)
      } ?? rescale.rounding
    var result = rescale.tensorRescale(step, mode)
    if mode == .xnnpack, let form = XnnpackRequantization(input: scales.0, output: scales.1) {
      // Which all kernels have.
      result.scale = form.outputScale
      result.rounding = .singleRounding
    }
    return result
  }

  /// The table.
  package func scratchBytes(_ step: Step) -> Int64 { 256 }

  package func run(_ step: Step, in memory: StepMemory) {
    tensorRescale(step).requantize(
      step.source(memory), count: step.output.elementCount, output: step.target(memory),
      scratch: memory.scratch)
  }

  package func description(_ step: Step) -> cupel_operation? {
    var result = step.shape
    result.kind = CUPEL_REQUANTIZE
    tensorRescale(step).describe(in: &result)
    return result
  }
}

extension TensorRescale {
  /// There are only 256 inputs, so their outputs are worked out first and then looked up. Both hold
  /// `count` elements; the output may be the input.
  ///
  /// - Parameter scratch: 256 bytes.
  public func requantize(
    _ input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let table = area.bytes(256)
    for value in Int32(-128)...127 {
      table[Int(value) &+ 128] = apply(to: value &- inputZeroPoint)
    }
    for index in 0..<count {
      output[index] = table[Int(input[index]) &+ 128]
    }
  }
}
