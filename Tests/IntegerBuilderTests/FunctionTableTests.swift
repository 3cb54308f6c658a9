import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import Foundation
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

  @Test("ties to even where the runtime has it so")
  func even() {
    let table = FunctionTable.single(
      from: quarter, to: Grid(scale: 0.5, zeroPoint: -2, bits: 8), ties: .toNearestOrEven
    ) { $0 }
    #expect(table[128 + 5] == -2 && table[128 + 3] == -2 && table[128 + 7] == 0)
  }

  @Test("each runtime has its own arithmetic, and its own rule for grids")
  func profiles() throws {
    let unit = Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
    let sigmoid = { (x: Float) in 1 / (1 + exp(-x)) }
    for profile in DeploymentProfile.allCases {
      let function = TableFunction(.logistic, under: profile)
      let lookup = try #require(
        IntegerOperation.Lookup(function, from: quarter, to: unit, real: sigmoid))
      #expect(lookup.function == function && lookup.table[128 + 4] == 0)
    }
    let fixed = TableFunction(.logistic, under: .tflm)
    #expect(IntegerOperation.Lookup(fixed, from: quarter, to: quarter, real: sigmoid) == nil)
    let float = TableFunction(.logistic, under: .onnxruntime)
    #expect(IntegerOperation.Lookup(float, from: quarter, to: quarter, real: sigmoid) != nil)
  }

  @Test("a scale without a multiplier leaves three values")
  func coarse() throws {
    let lookup = try #require(
      IntegerOperation.Lookup(
        TableFunction(.logistic, .fixedPoint), from: Grid(scale: 0x1p10, zeroPoint: 0, bits: 8),
        to: Grid(scale: 1 / 256, zeroPoint: -128, bits: 8), real: { $0 }))
    #expect(lookup.table[127] == -128 && lookup.table[128] == 0 && lookup.table[129] == 127)
  }
}
