/// Sums in eight lanes: the compiler may not reorder a float sum, so it vectorises none by itself.
package enum LaneSums {
  @inline(__always)
  package static func sum(_ values: UnsafePointer<Float>, count: Int) -> Float {
    reduce(count, { load(values, $0) }, { values[$0] })
  }

  /// Σ one · other.
  @inline(__always)
  static func dot(_ one: UnsafePointer<Float>, _ other: UnsafePointer<Float>, count: Int) -> Float {
    reduce(count, { load(one, $0) * load(other, $0) }, { one[$0] * other[$0] })
  }

  /// Σ (value − center)².
  @inline(__always)
  package static func squares(
    _ values: UnsafePointer<Float>, from center: Float, count: Int
  ) -> Float {
    let lanes = SIMD8<Float>(repeating: center)
    return reduce(
      count,
      {
        let difference = load(values, $0) - lanes
        return difference * difference
      },
      { (values[$0] - center) * (values[$0] - center) })
  }

  /// Σ one · (other − center).
  @inline(__always)
  static func centeredDot(
    _ one: UnsafePointer<Float>, _ other: UnsafePointer<Float>, center: Float, count: Int
  ) -> Float {
    let lanes = SIMD8<Float>(repeating: center)
    return reduce(
      count, { load(one, $0) * (load(other, $0) - lanes) },
      { one[$0] * (other[$0] - center) })
  }

  @inline(__always)
  private static func load(_ values: UnsafePointer<Float>, _ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Float>.self)
  }

  @inline(__always)
  private static func reduce(
    _ count: Int, _ lanes: (Int) -> SIMD8<Float>, _ rest: (Int) -> Float
  ) -> Float {
    var sums = SIMD8<Float>()
    let whole = count & ~7
    for start in stride(from: 0, to: whole, by: 8) { sums += lanes(start) }
    var sum = sums.sum()
    for index in whole..<count { sum += rest(index) }
    return sum
  }
}
