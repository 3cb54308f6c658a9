import CupelIntegerOperators
import CupelSupport
import Foundation
import Testing

/// The functions whose tables a file may name, against the processor's own.
@Suite struct TableFunctionTests {
  private static func grids(
    _ inputScale: Float, _ inputZeroPoint: Int32, _ outputScale: Float, _ outputZeroPoint: Int32
  ) -> TableFunction.Grids {
    TableFunction.Grids(
      inputScale: inputScale.bitPattern, inputZeroPoint: inputZeroPoint,
      outputScale: outputScale.bitPattern, outputZeroPoint: outputZeroPoint, low: -128, high: 127)
  }

  private static func real(_ kind: TableFunction.Kind, _ x: Double, slope: Float) -> Double {
    switch kind {
    case .logistic: 1 / (1 + exp(-x))
    case .hyperbolicTangent: tanh(x)
    case .hardSwish: x * min(max(x + 3, 0), 6) / 6
    case .leakyRelu: x < 0 ? x * Double(slope) : x
    }
  }

  /// A function's values in steps of the output's grid, before they are rounded.
  private static func steps(
    _ kind: TableFunction.Kind, _ grids: TableFunction.Grids, slope: Float
  ) -> [Double] {
    let scale = Float(bitPattern: grids.inputScale)
    let step = Double(Float(bitPattern: grids.outputScale))
    return (-128...127).map { value in
      let x = Double(scale * Float(value - Int(grids.inputZeroPoint)))
      return real(kind, x, slope: slope) / step
    }
  }

  /// A function's table in float arithmetic, as a runtime makes it.
  private static func table(
    _ kind: TableFunction.Kind, _ grids: TableFunction.Grids, slope: Float,
    _ rule: FloatingPointRoundingRule
  ) -> [Int8] {
    steps(kind, grids, slope: slope).map {
      Int8(min(max($0.rounded(rule) + Double(grids.outputZeroPoint), -128), 127))
    }
  }

  @Test func logisticIsPointSymmetricAboutOneHalf() {
    #expect(logistic(0) == 1 << 30)
    for step in 1...10_000 {
      let a = Int32(step) * Int32((1 << 31) / 10_001)
      let expected = 1 / (1 + exp(-Double(a) / Double(1 << 27)))
      #expect(abs(Double(logistic(a)) / Double(1 << 31) - expected) < 1e-6)
      #expect(Int64(logistic(a)) + Int64(logistic(-a)) == Int64(Int32.max))
    }
  }

  /// In fixed point a value is at most two steps from the real function's: its input has 27 bits
  /// behind the point, or 15.
  @Test(arguments: TableFunction.Kind.allCases)
  func fixedPointIsNearTheFunction(kind: TableFunction.Kind) throws {
    let grids =
      switch kind {
      case .logistic: Self.grids(0.06, -11, 1 / 256, -128)
      case .hyperbolicTangent: Self.grids(0.03, 20, 1 / 128, 0)
      case .hardSwish: Self.grids(0.05, -7, 0.03, -100)
      case .leakyRelu: Self.grids(0.05, -7, 0.04, 3)
      }
    let function = TableFunction(
      kind, .fixedPoint, slopeBits: kind == .leakyRelu ? Float(0.1).bitPattern : 0)
    let expected = Self.table(kind, grids, slope: 0.1, .toNearestOrAwayFromZero)
    for value in -128...127 {
      let own = try #require(function.fixedPoint(Int32(value), grids))
      #expect(abs(Int(own) - Int(expected[value + 128])) <= 2, "\(kind) \(value)")
    }
  }

  /// Tables that a runtime makes in float are accepted whatever the grids, and a table with one
  /// value moved is not.
  @Test(arguments: TableFunction.Kind.allCases)
  func floatTablesAreJudged(kind: TableFunction.Kind) throws {
    var generator = SeededGenerator(seed: UInt64(kind.rawValue))
    for round in 0..<60 {
      let slope = Float.random(in: -1...1, using: &generator)
      let grids = Self.grids(
        Float.random(in: 0.001...0.3, using: &generator),
        Int32.random(in: -128...127, using: &generator),
        Float.random(in: 0.001...0.2, using: &generator),
        Int32.random(in: -128...127, using: &generator))
      let away = round % 2 == 0
      let function = TableFunction(
        kind, away ? .floatHalfAway : .floatHalfEven,
        slopeBits: kind == .leakyRelu ? slope.bitPattern : 0)
      var table = Self.table(
        kind, grids, slope: slope, away ? .toNearestOrAwayFromZero : .toNearestOrEven)
      func isHeld() -> Bool {
        table.withUnsafeBufferPointer { function.holds($0.baseAddress!, grids) }
      }
      #expect(isHeld(), "\(kind), round \(round)")
      // Next to a tie either value is one that a runtime may make.
      let steps = Self.steps(kind, grids, slope: slope)
      let clear = steps.indices.filter { abs(steps[$0] - steps[$0].rounded(.down) - 0.5) > 0x1p-7 }
      let place = try #require(clear.randomElement(using: &generator))
      let old = table[place]
      for moved in [Int(old) - 1, Int(old) + 1] where (-128...127).contains(moved) {
        table[place] = Int8(moved)
        #expect(!isHeld(), "\(kind), round \(round): \(old) as \(moved) at \(place)")
      }
    }
  }
}
