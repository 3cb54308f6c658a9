extension IntegerProgram {
  /// The program without what its output does not depend on, tensors and operations in their old
  /// order. The input stays, even unused. Indices must exist.
  package func removingUnusedOperations() -> IntegerProgram {
    var isUsed = [Bool](repeating: false, count: tensors.count)
    isUsed[input] = true
    isUsed[output] = true
    var kept: [IntegerOperation] = []
    for operation in operations.reversed() where isUsed[operation.output] {
      for input in operation.inputs { isUsed[input] = true }
      kept.append(operation)
    }
    var result = self
    result.tensors = []
    var places: [Int: Int] = [:]
    for (index, tensor) in tensors.enumerated() where isUsed[index] {
      places[index] = result.tensors.count
      result.tensors.append(tensor)
    }
    result.operations = kept.reversed().map { operation in
      var copy = operation
      copy.inputs = operation.inputs.compactMap { places[$0] }
      copy.output = places[operation.output] ?? 0
      return copy
    }
    result.input = places[input] ?? 0
    result.output = places[output] ?? 0
    return result
  }
}
