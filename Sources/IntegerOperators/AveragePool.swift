import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// Average pooling. On an unchanged grid, the mean of the stored values inside the window, rounded
/// to nearest, half away from zero; or, in ONNX Runtime's arithmetic, the real values' mean on the
/// output's grid. Padding does not count, unless that arithmetic counts it.
public struct AveragePool: Sendable, PoolOperator {
  public static var code: UInt8 { 5 }
  public static var name: StaticString { "average pool" }

  /// The window that slides over each channel.
  public var window: Window
  /// `doubleRounding` for the first form; `onnxUnsigned`, `onnxSigned` or `float32Steps` for the
  /// second.
  public var rounding: RoundingMode
  /// Whether every sum is divided by the kernel's elements; in the second form alone.
  public var countsPadding: Bool

  /// A pool with that window.
  @inlinable
  public init(
    _ window: Window, rounding: RoundingMode = .doubleRounding, countsPadding: Bool = false
  ) {
    self.window = window
    self.rounding = rounding
    self.countsPadding = countsPadding
  }

  package init(_ window: Window) { self.init(window, rounding: .doubleRounding) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    window.code(&coder)
    coder.rounding(&rounding)
    var counts = countsPadding ? 1 : 0
    coder.number(8, &counts)
    countsPadding = counts == 1
  }
}

extension AveragePool: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkRounding(
      rounding, known: RoundingModes(.doubleRounding) | .onnx | RoundingModes(.float32Steps))
    let isFree = rounding != .doubleRounding
    try context.checkPool(window, onOneGrid: !isFree)
    let most = isFree ? 1 : 0
    try context.demand(
      (0...most).contains(context.record.parameter(8)), .unusedField, parameter: 8)
  }

  /// A pixel's sums.
  package func scratchBytes(_ step: Step) -> Int64 { Self.scratchBytes(step.input.extent) }

  package func run(_ step: Step, in memory: StepMemory) {
    if step.isWide {
      let target: UnsafeMutablePointer<Int16> = step.target(memory)
      run(
        input: step.source(memory), extent: step.input.extent, output: target,
        to: step.output.extent, scratch: memory.scratch)
      return
    }
    if let mode = float32Mode(step) {
      Float32Elements(step, mode).pool(
        self, step.source(memory), extent: step.input.extent, output: step.target(memory),
        to: step.output.extent, scratch: memory.scratch)
      return
    }
    let target: UnsafeMutablePointer<Int8> = step.target(memory)
    run(
      input: step.source(memory), extent: step.input.extent, output: target,
      to: step.output.extent, scratch: memory.scratch)
  }

  package func description(_ step: Step) -> cupel_operation? {
    float32Mode(step) == nil ? described(step, as: CUPEL_AVERAGE_POOL) : nil
  }

  /// The arithmetic in float32 that it has; nil for the integers' own mean. Where grids differ or
  /// padding counts, that would be another network's, and no profile changes the file's.
  private func float32Mode(_ step: Step) -> RoundingMode? {
    guard RuntimeArithmetic.isThere else { return nil }
    let mode = step.elementRounding(rounding)
    if mode != .doubleRounding { return mode }
    return countsPadding || !step.output.hasGrid(of: step.input) ? rounding : nil
  }

  package static func scratchBytes(_ extent: Extent) -> Int64 { Int64(extent.channels) &* 4 }

  /// Input [H][W][C], output [H'][W'][C], not overlapping. Every window meets the input.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent, scratch: UnsafeMutableRawPointer
  ) {
    let channels = extent.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    for row in 0..<to.height {
      for column in 0..<to.width {
        sums.update(repeating: 0, count: channels)
        var count: Int32 = 0
        window.forEachPixel(of: extent, row: row, column: column) { offset in
          count &+= 1
          for channel in 0..<channels {
            sums[channel] &+= Int32(truncatingIfNeeded: input[offset &+ channel])
          }
        }
        let target = output + to.offset(row: row, column: column)
        for channel in 0..<channels {
          target[channel] = Element(truncatingIfNeeded: Self.mean(sums[channel], of: count))
        }
      }
    }
  }

  /// sum / count, half away from zero; division truncates, so half is added on the sum's side.
  @inline(__always)
  private static func mean(_ sum: Int32, of count: Int32) -> Int32 {
    let divisor = max(count, 1)
    let half = divisor &>> 1
    return (sum > 0 ? sum &+ half : sum &- half) / divisor
  }
}
