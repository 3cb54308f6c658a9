import CupelFixedPoint
import Testing

@Suite struct SaturationTests {
  @Test func saturationAgreesWithExactClamping() {
    for value in edgeValues {
      #expect(saturatedToInt8(value) == Int8(clamping: value))
      #expect(clamped(value, low: -3, high: 5) == Swift.min(5, Swift.max(-3, value)))
    }
  }

  @Test func placingOnAGridIsAdditionWithoutOverflow() {
    for value in edgeValues {
      for zeroPoint in Int32(-128)...127 {
        for (low, high) in [(-128, 127), (zeroPoint, 127), (-8, 7), (0, 0)] as [(Int32, Int32)] {
          let sum = Int64(value) + Int64(zeroPoint)
          let expected = Swift.min(Int64(high), Swift.max(Int64(low), sum))
          let result: Int8 = placedOnGrid(value, zeroPoint: zeroPoint, low: low, high: high)
          #expect(Int64(result) == expected)
        }
      }
    }
  }
}
