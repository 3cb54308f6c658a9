import CupelSupport

extension FloatGraph {
  /// Appends a node and the value that it gives, whose shape the operation determines, or is given.
  ///
  /// - Parameters:
  ///   - inputs: indices of values that the graph has.
  ///   - value: the new value's name.
  /// - Returns: index of the new value.
  /// - Throws: `RuleViolation` where the operation does not fit its inputs.
  package mutating func append(
    _ operation: Operation, named name: String, value: String, inputs: [Int], shape: [Int]?
  ) throws(RuleViolation) -> Int {
    let shapes = inputs.map { values[$0].shape }
    guard let output = try operation.inferredShape(inputs: shapes) ?? shape else {
      throw RuleViolation("its output shape is not known")
    }
    try operation.check(inputs: shapes, output: output)
    values.append(.init(name: value, shape: output))
    let index = values.count - 1
    nodes.append(.init(name: name, operation: operation, inputs: inputs, output: index))
    return index
  }
}
