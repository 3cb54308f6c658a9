extension IntegerProgram {
  /// The program without what its outputs do not depend on, tensors and operations in their old
  /// order. The inputs stay, even unused. Indices must exist.
  package func removingUnusedOperations() -> IntegerProgram {
    var isUsed = [Bool](repeating: false, count: tensors.count)
    for end in inputs + outputs { isUsed[end] = true }
    var kept: [IntegerOperation] = []
    for operation in operations.reversed() where isUsed[operation.output] {
      for input in operation.inputs { isUsed[input] = true }
      kept.append(operation)
    }
    var result = self
    result.operations = kept.reversed()
    return result.renumbered(tensors.indices.filter { isUsed[$0] })
  }

  /// The program with its tensors in another order.
  ///
  /// - Parameter order: indices of the tensors to keep, all that an operation reads or gives among
  ///   them, in their new order.
  package func renumbered(_ order: [Int]) -> IntegerProgram {
    var places: [Int: Int] = [:]
    for (place, index) in order.enumerated() { places[index] = place }
    var result = self
    result.tensors = order.map { tensors[$0] }
    result.operations = operations.map { operation in
      var copy = operation
      copy.inputs = operation.inputs.compactMap { places[$0] }
      copy.output = places[operation.output] ?? 0
      return copy
    }
    result.inputs = inputs.compactMap { places[$0] }.sorted()
    result.outputs = outputs.prefix(1).compactMap { places[$0] }
    result.outputs += outputs.dropFirst().compactMap { places[$0] }.sorted()
    return result
  }
}
