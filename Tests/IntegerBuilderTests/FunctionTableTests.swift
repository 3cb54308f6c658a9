import FixedPoint
import IntegerBuilder
import Testing

@Suite("Functions as tables")
struct FunctionTableTests {
  private let quarter = Grid(scale: 0.25, zeroPoint: 4, bits: 8)

  @Test("in float32, ties away from zero, saturated")
  func single() {
    let table = FunctionTable.single(from: quarter, to: Grid(scale: 0.5, zeroPoint: -2, bits: 8)) {
      $0 > 10 ? 1000 : $0
    }
    // (5 − 4) · 0.25 = 0.25, half of a step, is one step; so is its negative, downwards.
    #expect(table[128 + 5] == -1 && table[128 + 3] == -3 && table[128 + 4] == -2)
    #expect(table[128 + 45] == 127)
  }

  @Test("in fixed point a function is read between −16 and 16 and is at its ends beyond")
  func fixedPoint() {
    let table = FunctionTable.fixedPoint(from: quarter, bits: 8, zeroPoint: -128) { $0 >> 1 }
    #expect(table.count == 256 && table[128 - 100] == -128 && table[128 + 100] == 127)
    // x = 1 is 2²⁷ in Q4.27; half of it as Q0.31 is 1⁄32, eight of 256.
    #expect(table[128 + 8] == -120)
  }

  @Test("a scale without a multiplier leaves three values")
  func coarse() {
    let table = FunctionTable.fixedPoint(
      from: Grid(scale: 0x1p10, zeroPoint: 0, bits: 8), bits: 8, zeroPoint: -128,
      FixedPoint.logistic)
    #expect(table[127] == -128 && table[128] == 0 && table[129] == 127)
  }
}
