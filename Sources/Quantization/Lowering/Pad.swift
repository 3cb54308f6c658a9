import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Pad: LowerableOperator {
  /// A constant that the grid cannot hold would silently become another one.
  package func check(on grid: Grid) throws(RuleViolation) {
    let held = grid.dequantize(grid.quantize(value))
    // NaN fails the comparison.
    guard abs(held - value) <= grid.scale else {
      throw RuleViolation(
        "it pads with \(value), which lies outside its input's calibrated range")
    }
  }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let before = Axes(ChannelOrder.last(before, absent: 0))
    let value = Int16(unit.output.grid.quantize(value))
    return unit.becomes(.pad(.init(before, value: value)), in: &builder)
  }
}
