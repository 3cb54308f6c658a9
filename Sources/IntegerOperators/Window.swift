import CCupelIntegerKernels
import CupelModelFormat

/// A sliding window: kernel, stride, dilation, and the padding before the first row and column.
/// The padding behind the last ones follows from the output's extent.
///
/// In a valid file kernel, stride and dilation are 1 to 65535, and (out − 1) · stride + dilated
/// kernel fits int32 on both axes, so positions may be computed in 32 bits.
public struct Window: Sendable, Equatable {
  /// Elements of the kernel, each at least 1.
  public var kernelHeight, kernelWidth: Int
  /// How far the window moves at a time.
  public var strideHeight, strideWidth: Int
  /// The distance of the kernel's elements.
  public var dilationHeight, dilationWidth: Int
  /// Elements before the first row and column; what lies behind the last follows from the output.
  public var padTop, padLeft: Int

  /// A window; one of a single tap unless told otherwise.
  @inlinable
  public init(
    kernelHeight: Int = 1, kernelWidth: Int = 1, strideHeight: Int = 1, strideWidth: Int = 1,
    dilationHeight: Int = 1, dilationWidth: Int = 1, padTop: Int = 0, padLeft: Int = 0
  ) {
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideHeight = strideHeight
    self.strideWidth = strideWidth
    self.dilationHeight = dilationHeight
    self.dilationWidth = dilationWidth
    self.padTop = padTop
    self.padLeft = padLeft
  }

  /// Elements of the kernel.
  public var taps: Int { kernelHeight &* kernelWidth }

  /// Whether it is as large as the input, which it covers at its first place.
  func isWhole(of input: Extent) -> Bool {
    kernelHeight == input.height && kernelWidth == input.width && padTop == 0 && padLeft == 0
      && dilationHeight == 1 && dilationWidth == 1
  }

  /// Taps over all places that the window takes.
  func visits(_ places: Extent) -> Int64 {
    Int64(places.elementCount) &* Int64(kernelHeight) &* Int64(kernelWidth)
  }

  /// nil where an extent is not positive or the product overflows.
  var checkedTaps: Int? {
    let taps = kernelHeight.multipliedReportingOverflow(by: kernelWidth)
    return kernelHeight >= 1 && kernelWidth >= 1 && !taps.overflow ? taps.partialValue : nil
  }

  /// Height's parameters are the even ones, width's the odd.
  @inline(never)
  mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    coder.number(0, &kernelHeight)
    coder.number(1, &kernelWidth)
    coder.number(2, &strideHeight)
    coder.number(3, &strideWidth)
    coder.number(4, &dilationHeight)
    coder.number(5, &dilationWidth)
    coder.number(6, &padTop)
    coder.number(7, &padLeft)
  }

  /// Input row that kernel row `tap` meets at output row `row`; it may lie outside the input.
  @inline(__always)
  func inputRow(output row: Int, tap: Int) -> Int {
    row &* strideHeight &- padTop &+ tap &* dilationHeight
  }

  /// Input column that kernel column `tap` meets at output column `column`.
  @inline(__always)
  func inputColumn(output column: Int, tap: Int) -> Int {
    column &* strideWidth &- padLeft &+ tap &* dilationWidth
  }

  /// Calls `body` with the offset of every input pixel that the window of an output pixel meets.
  @inline(__always)
  func forEachPixel(of input: Extent, row: Int, column: Int, _ body: (Int) -> Void) {
    for tapRow in 0..<kernelHeight {
      let y = inputRow(output: row, tap: tapRow)
      if y < 0 || y >= input.height { continue }
      for tapColumn in 0..<kernelWidth {
        let x = inputColumn(output: column, tap: tapColumn)
        if x < 0 || x >= input.width { continue }
        body(input.offset(row: y, column: x))
      }
    }
  }
}

/// The mean or the largest of the values inside a window, on an unchanged grid.
package protocol PoolOperator: PlainOperator {
  var window: Window { get set }
  init(_ window: Window)
}

extension PoolOperator {
  package init() { self.init(Window()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { window.code(&coder) }

  public func visits(input: Extent, output: Extent) -> Int64? { window.visits(output) }

  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkPool(window)
  }

  func described(_ step: Step, as kind: cupel_kind) -> cupel_operation {
    var result = step.shape
    result.kind = kind
    result.window = cupel_window(window)
    return result
  }
}

extension OperationContext {
  /// - Parameters:
  ///   - sliding: extent of what the window slides over.
  ///   - places: extent of the places that it takes.
  func checkWindow(sliding: TensorView, places: TensorView) throws(FormatError) {
    for parameter in 0...5 where !(1...Layout.largestStep).contains(record.parameter(parameter)) {
      throw error(.windowStep, parameter: parameter)
    }
    try checkWindowAxis(0, input: sliding.height, output: places.height)
    try checkWindowAxis(1, input: sliding.width, output: places.width)
  }

  /// The padding after the last element is implied: what the last window reaches beyond it.
  /// Negative, it counts the elements that no window reaches.
  private func checkWindowAxis(_ axis: Int, input: Int, output: Int) throws(FormatError) {
    let kernel = Int64(record.parameter(axis))
    let stride = Int64(record.parameter(2 &+ axis))
    let dilation = Int64(record.parameter(4 &+ axis))
    let before = Int64(record.parameter(6 &+ axis))
    let reach = (kernel &- 1) &* dilation &+ 1
    try demand(before >= 0 && before < reach, .windowPadding, parameter: 6 &+ axis)
    let span = Int64(output &- 1) &* stride &+ reach
    let after = span &- before &- Int64(input)
    try demand(
      span <= Layout.largest && after < reach && after > -stride, .windowOutput, parameter: axis)
  }

  /// A pool's window: every place of it meets the input, on an unchanged grid unless that is free.
  func checkPool(_ window: Window, onOneGrid: Bool = true) throws(FormatError) {
    if onOneGrid { try checkGrid(of: input) }
    try demand(output.channels == input.channels, .outputExtent)
    try checkWindow(sliding: input, places: output)
    let taps = Int64(window.kernelHeight) &* Int64(window.kernelWidth)
    try demand(taps < 1 << (input.isWide ? 15 : 23), .poolArea, parameter: 0)
    // Along an axis a window that begins in the padding reaches the input with its first tap at
    // or after 0, which is less than one dilation away: it is inside where that is not more than
    // the input's extent.
    try demand(
      window.padTop == 0 || window.dilationHeight <= input.height, .windowPadding, parameter: 6)
    try demand(
      window.padLeft == 0 || window.dilationWidth <= input.width, .windowPadding, parameter: 7)
  }
}

extension cupel_window {
  init(_ window: Window) {
    self.init(
      kernel_height: Int32(window.kernelHeight), kernel_width: Int32(window.kernelWidth),
      stride_height: Int32(window.strideHeight), stride_width: Int32(window.strideWidth),
      dilation_height: Int32(window.dilationHeight), dilation_width: Int32(window.dilationWidth),
      pad_top: Int32(window.padTop), pad_left: Int32(window.padLeft))
  }
}
