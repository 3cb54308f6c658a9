import CupelFixedPoint

/// What an activation's elements are stored as: `Int8` for grids of 8 and 4 bits, `Int16` for those of
/// 16. Kernels are written once for both.
public protocol ActivationElement: FixedWidthInteger, SignedInteger, BitwiseCopyable {
  /// What sums of products with weights are formed in.
  associatedtype Accumulator: FixedWidthInteger, SignedInteger, BitwiseCopyable

  /// How far the inputs of an addition are shifted to the left.
  static var sumShift: Int32 { get }

  /// Σ a[i] · b[i] of rows aligned to 16 bytes, a of activations and b of weights.
  ///
  /// - Parameter length: a multiple of eight.
  static func dotProduct(
    _ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>, length: Int
  ) -> Accumulator

  /// The dot products of one weight row with four rows of activations that lie `length` values
  /// apart, each added to `start`.
  static func fourDotProducts(
    _ weights: UnsafePointer<Int16>, _ rows: UnsafePointer<Int16>, length: Int,
    start: Accumulator, into totals: UnsafeMutablePointer<Accumulator>)

  /// A sum scaled to the output's grid.
  static func scaled(_ sum: Accumulator, _ scale: OutputScale, _ rounding: RoundingMode) -> Int32

  /// The same, once in a program: small rather than fast.
  static func applied(
    _ scale: OutputScale, to sum: Accumulator, _ rounding: RoundingMode
  ) -> Int32
}

extension Int8: ActivationElement {
  public typealias Accumulator = Int32

  /// A difference of two int8 has 9 bits: none leaves 2²⁸.
  @inlinable @inline(__always)
  public static var sumShift: Int32 { 20 }

  @inline(__always)
  public static func dotProduct(
    _ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>, length: Int
  ) -> Int32 {
    pairwiseDotProduct(a, b, length: length)
  }

  @inline(__always)
  public static func fourDotProducts(
    _ weights: UnsafePointer<Int16>, _ rows: UnsafePointer<Int16>, length: Int,
    start: Int32, into totals: UnsafeMutablePointer<Int32>
  ) {
    fourPairwiseDotProducts(weights, rows, length: length, start: start, into: totals)
  }

  @inline(__always)
  public static func scaled(
    _ sum: Int32, _ scale: OutputScale, _ rounding: RoundingMode
  ) -> Int32 {
    scale.apply(to: sum, rounding: rounding)
  }

  @inline(__always)
  public static func applied(
    _ scale: OutputScale, to sum: Int32, _ rounding: RoundingMode
  ) -> Int32 {
    scale.applied(to: sum, rounding: rounding)
  }
}

extension Int16: ActivationElement {
  public typealias Accumulator = Int64

  /// The zero point is 0: none leaves 2³⁰.
  @inlinable @inline(__always)
  public static var sumShift: Int32 { 15 }

  /// In pieces of 1024 values, whose products of 2²² at most add up within 32 bits.
  public static func dotProduct(
    _ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>, length: Int
  ) -> Int64 {
    var sum: Int64 = 0
    var start = 0
    while start < length {
      let piece = Swift.min(1024, length &- start)
      sum = sum &+ Int64(pairwiseDotProduct(a + start, b + start, length: piece))
      start = start &+ piece
    }
    return sum
  }

  public static func fourDotProducts(
    _ weights: UnsafePointer<Int16>, _ rows: UnsafePointer<Int16>, length: Int,
    start: Int64, into totals: UnsafeMutablePointer<Int64>
  ) {
    for row in 0..<4 {
      totals[row] = start &+ dotProduct(rows + row &* length, weights, length: length)
    }
  }

  @inline(__always)
  public static func scaled(
    _ sum: Int64, _ scale: OutputScale, _ rounding: RoundingMode
  ) -> Int32 {
    scale.applied(to: sum, rounding: rounding)
  }

  @inline(__always)
  public static func applied(
    _ scale: OutputScale, to sum: Int64, _ rounding: RoundingMode
  ) -> Int32 {
    scale.applied(to: sum, rounding: rounding)
  }
}

/// An operator that computes alike on elements of both sizes.
package protocol ElementOperator: RunnableOperator {
  func run<Element: ActivationElement>(_ step: Step, in memory: StepMemory, on type: Element.Type)
}

extension ElementOperator {
  @inline(__always)
  package func run(_ step: Step, in memory: StepMemory) {
    if step.isWide {
      run(step, in: memory, on: Int16.self)
    } else {
      run(step, in: memory, on: Int8.self)
    }
  }
}
