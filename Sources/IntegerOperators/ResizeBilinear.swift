import CupelFixedPoint
import CupelModelFormat

/// A new height and width by linear interpolation between pixels, on an unchanged grid.
public struct ResizeBilinear: Sendable, PlainOperator {
  public static var code: UInt8 { 24 }
  public static var name: StaticString { "resize bilinear" }
  public static var minorVersion: UInt16 { 4 }

  /// Whether the corner pixels of input and output lie on each other.
  public var alignsCorners: Bool
  /// Whether a pixel's place is its middle.
  public var halfPixelCentres: Bool
  /// `doubleRounding` for TensorFlow Lite's kernel, with places in 1024ths of a pixel; `xnnpack` for
  /// XNNPACK's.
  public var rounding: RoundingMode

  /// - Parameters: at most one of the first two.
  @inlinable
  public init(
    alignsCorners: Bool, halfPixelCentres: Bool, rounding: RoundingMode = .doubleRounding
  ) {
    self.alignsCorners = alignsCorners
    self.halfPixelCentres = halfPixelCentres
    self.rounding = rounding
  }

  package init() { self.init(alignsCorners: false, halfPixelCentres: false) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    var (corners, halves): (UInt32, UInt32) = (alignsCorners ? 1 : 0, halfPixelCentres ? 1 : 0)
    coder.word(0, &corners)
    coder.word(1, &halves)
    coder.rounding(&rounding)
    (alignsCorners, halfPixelCentres) = (corners != 0, halves != 0)
  }

  /// In the operator's own mode. Input [H][W][C], output [H'][W'][C], not overlapping.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    if RuntimeArithmetic.isThere, rounding == .xnnpack {
      return interpolate(
        XnnpackSpacing(self, from: extent.height, to: to.height),
        XnnpackSpacing(self, from: extent.width, to: to.width), input: input, extent: extent,
        output: output, to: to)
    }
    interpolate(
      Spacing(self, from: extent.height, to: to.height),
      Spacing(self, from: extent.width, to: to.width), input: input, extent: extent,
      output: output, to: to)
  }

  private func interpolate<Element: ActivationElement, Axis: PixelSpacing>(
    _ rows: Axis, _ columns: Axis, input: UnsafePointer<Element>, extent: Extent,
    output: UnsafeMutablePointer<Element>, to: Extent
  ) {
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
          let upper = x.mixed(near[left &+ channel], near[right &+ channel], of: Axis.unit)
          let lower = x.mixed(far[left &+ channel], far[right &+ channel], of: Axis.unit)
          let sum =
            Int64(upper) &* Int64(Axis.unit &- y.share) &+ Int64(lower) &* Int64(y.share)
          target[channel] = Element(truncatingIfNeeded: Axis.rounded(sum))
        }
        target += channels
      }
    }
  }
}

/// Where the output's rows, or columns, lie in the input.
private protocol PixelSpacing {
  /// What a pixel's shares add up to.
  static var unit: Int { get }
  /// A sum of values times shares of both axes, in units of `unit`², to an integer.
  static func rounded(_ sum: Int64) -> Int64
  func place(_ index: Int) -> Place
}

/// Between two elements of an axis.
private struct Place {
  let low, high: Int
  /// Of the second.
  let share: Int

  @inline(__always)
  func mixed<Element: ActivationElement>(
    _ first: Element, _ second: Element, of unit: Int
  ) -> Int {
    Int(first) &* (unit &- share) &+ Int(second) &* share
  }
}

/// In 1024ths of a pixel. Source: TensorFlow Lite, `ResizeBilinearInteger`.
private struct Spacing: PixelSpacing {
  /// From one to the next.
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

  static var unit: Int { 1024 }

  func place(_ index: Int) -> Place {
    let place = index &* scale &+ start
    // A scale that was rounded up may lead past the last.
    let low = min(max(place / 1024, 0), last)
    return Place(low: low, high: min((place &+ 1023) / 1024, last), share: place &- 1024 &* low)
  }

  /// To nearest, ties away from zero.
  static func rounded(_ sum: Int64) -> Int64 {
    let magnitude = ((sum < 0 ? 0 &- sum : sum) &+ (1 &<< 19)) &>> 20
    return sum < 0 ? 0 &- magnitude : magnitude
  }
}

/// Places in float32, shares in 2048ths. Source: XNNPACK, `indirection.c` and `s8-ibilinear`.
private struct XnnpackSpacing: PixelSpacing {
  /// Float32 bits: from one to the next, and of the first.
  let scale, start: UInt32
  let last: Int
  let isCentred: Bool

  init(_ resize: ResizeBilinear, from: Int, to: Int) {
    let ends = resize.alignsCorners && to > 1 ? 1 : 0
    scale = float32Quotient(Self.float(from &- ends), Self.float(to &- ends))
    // Float32 bits of 1/2.
    let half: UInt32 = 0x3F00_0000
    isCentred = resize.halfPixelCentres
    start = isCentred ? float32Sum(float32Product(half, scale), half | Self.sign) : 0
    last = from &- 1
  }

  static var unit: Int { 2048 }
  private static var sign: UInt32 { 0x8000_0000 }

  private static func float(_ value: Int) -> UInt32 {
    float32Bits(of: Int32(truncatingIfNeeded: value))
  }

  func place(_ index: Int) -> Place {
    var place = float32Product(Self.float(index), scale)
    if isCentred {
      place = float32Sum(place, start)
      // Between the first pixel's middle and the last one's. Numbers that are not negative compare
      // as their bits do.
      place = place & Self.sign != 0 ? 0 : min(place, Self.float(last))
    }
    let low = Int(truncatedFloat32: place)
    let rest = float32Sum(place, Self.float(low) ^ Self.sign)
    // Float32 bits of 2048.
    let share = int32(roundingFloat32: float32Product(rest, 0x4500_0000))
    return Place(low: low, high: min(low &+ 1, last), share: Int(share))
  }

  /// To nearest, ties towards +∞.
  static func rounded(_ sum: Int64) -> Int64 { (sum &+ (1 &<< 21)) &>> 22 }
}

extension Int {
  /// - Parameter bits: of a float32 below 2²⁴ that is not negative.
  fileprivate init(truncatedFloat32 bits: UInt32) {
    let exponent = bits &>> 23
    self = exponent < 127 ? 0 : Int((bits & 0x7F_FFFF | 0x80_0000) &>> (150 &- exponent))
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
    try context.checkRounding(
      rounding, known: RoundingModes(.doubleRounding) | RoundingModes(.xnnpack))
  }

  package func run<Element: ActivationElement>(
    _ step: Step, in memory: StepMemory, on type: Element.Type
  ) {
    var own = self
    own.rounding = step.profile?.resizeMode ?? rounding
    let target: UnsafeMutablePointer<Element> = step.target(memory)
    own.run(
      input: step.source(memory), extent: step.input.extent, output: target,
      to: step.output.extent)
  }
}
