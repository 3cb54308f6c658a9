import CupelSupport

extension SeededGenerator {
  /// An int32 whose magnitude is spread evenly over all powers of two.
  mutating func spread() -> Int32 {
    let bits = next()
    return Int32(truncatingIfNeeded: Int64(bitPattern: bits) >> (32 + Int64(bits & 31)))
  }
}

/// The int32 at which roundings, carries and signs change.
let edgeValues: [Int32] = {
  var values: Set<Int32> = [0, Int32.min, Int32.max]
  for power in 0..<31 {
    for offset in -2...2 {
      let value = (Int64(1) << Int64(power)) + Int64(offset)
      values.insert(Int32(value))
      values.insert(Int32(-value))
    }
  }
  return values.sorted()
}()
