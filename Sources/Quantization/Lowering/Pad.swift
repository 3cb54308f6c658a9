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

  package var storageOrder: StorageOrder { .either }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let value = Int16(unit.output.grid.quantize(value))
    guard unit.order == .channelsLast else {
      let last = builder.pad(
        unit.array(), before: self.before, after: after, value: value)
      return unit.becomes(last, in: &builder)
    }
    let before = Axes(ChannelOrder.last(before, absent: 0))
    return unit.becomes(.pad(.init(before, value: value)), in: &builder)
  }
}
