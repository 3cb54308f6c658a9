import CupelModelFormat

/// A new height and width by linear interpolation between pixels, on an unchanged grid, with places
/// between pixels in 1024ths. Source: TensorFlow Lite, `ResizeBilinearInteger`.
public struct ResizeBilinear: Sendable, PlainOperator {
  public static var code: UInt8 { 24 }
  public static var name: StaticString { "resize bilinear" }
  public static var minorVersion: UInt16 { 4 }

  /// Whether the corner pixels of input and output lie on each other.
  public var alignsCorners: Bool
  /// Whether a pixel's place is its middle.
  public var halfPixelCentres: Bool

  /// - Parameters: at most one of both.
  @inlinable
  public init(alignsCorners: Bool, halfPixelCentres: Bool) {
    self.alignsCorners = alignsCorners
    self.halfPixelCentres = halfPixelCentres
  }

  package init() { self.init(alignsCorners: false, halfPixelCentres: false) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    var (corners, halves): (UInt32, UInt32) = (alignsCorners ? 1 : 0, halfPixelCentres ? 1 : 0)
    coder.word(0, &corners)
    coder.word(1, &halves)
    (alignsCorners, halfPixelCentres) = (corners != 0, halves != 0)
  }

  /// Input [H][W][C], output [H'][W'][C], not overlapping.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    let rows = Spacing(self, from: extent.height, to: to.height)
    let columns = Spacing(self, from: extent.width, to: to.width)
    let channels = extent.channels
    var target = output
    for row in 0..<to.height {
      let y = rows.place(row)
      for column in 0..<to.width {
        let x = columns.place(column)
        let near = input + extent.offset(row: y.low, column: 0)
        let far = input + extent.offset(row: y.high, column: 0)
        let (left, right) = (x.low &* channels, x.high &* channels)
        for channel in 0..<channels {
          let upper = x.mixed(near[left &+ channel], near[right &+ channel])
          let lower = x.mixed(far[left &+ channel], far[right &+ channel])
          target[channel] = Self.rounded(
            Int64(upper) &* Int64(1024 &- y.share) &+ Int64(lower) &* Int64(y.share))
        }
        target += channels
      }
    }
  }

  /// From units of 2⁻²⁰ to the nearest integer, ties away from zero.
  private static func rounded<Element: ActivationElement>(_ sum: Int64) -> Element {
    let magnitude = Int64((sum < 0 ? 0 &- sum : sum) &+ (1 &<< 19)) &>> 20
    return Element(truncatingIfNeeded: sum < 0 ? 0 &- magnitude : magnitude)
  }
}

/// Where the output's rows, or columns, lie in the input.
private struct Spacing {
  /// From one to the next, in 1024ths.
  let scale: Int
  /// Of the first.
  let start: Int
  let last: Int

  init(_ resize: ResizeBilinear, from: Int, to: Int) {
    let isAligned = resize.alignsCorners && to > 1
    let (own, other) = isAligned ? (from &- 1, to &- 1) : (from, to)
    scale = (own &* 1024 &+ other / 2) / other
    start = resize.halfPixelCentres ? scale / 2 &- 512 : 0
    last = from &- 1
  }

  func place(_ index: Int) -> Place {
    let place = index &* scale &+ start
    // A scale that was rounded up may lead past the last.
    let low = min(max(place / 1024, 0), last)
    return Place(low: low, high: min((place &+ 1023) / 1024, last), share: place &- 1024 &* low)
  }
}

/// Between two elements of an axis.
private struct Place {
  let low, high: Int
  /// Of the second, in 1024ths.
  let share: Int

  func mixed<Element: ActivationElement>(_ first: Element, _ second: Element) -> Int {
    Int(first) &* (1024 &- share) &+ Int(second) &* share
  }
}

extension ResizeBilinear: ShapeOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    try context.checkGrid(of: input)
    try context.demand(input.channels == output.channels, .outputExtent)
    let most = max(max(input.height, input.width), max(output.height, output.width))
    try context.demand(most <= Layout.largestStep, .resize)
    for parameter in 0...1 {
      try context.demand(
        context.record.parameterBits(parameter) <= 1, .resize, parameter: parameter)
    }
    try context.demand(!alignsCorners || !halfPixelCentres, .resize, parameter: 1)
  }
}
