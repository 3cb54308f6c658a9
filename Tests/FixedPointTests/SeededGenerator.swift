/// SplitMix64: the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

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
