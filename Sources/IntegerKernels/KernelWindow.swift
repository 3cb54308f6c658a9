/// A sliding window: kernel, stride, dilation, and the padding before the first row and column.
/// The padding behind the last ones follows from the output's extent.
public struct KernelWindow: Sendable, Equatable {
  public var kernelHeight, kernelWidth: Int
  public var strideHeight, strideWidth: Int
  public var dilationHeight, dilationWidth: Int
  public var padTop, padLeft: Int

  @inlinable
  public init(
    kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1,
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

  var taps: Int { kernelHeight &* kernelWidth }

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
