import CupelIntegerOperators

/// When each tensor of a program lives.
///
/// Time 0 is when the inputs are written, time i + 1 when operation i runs, and the time after the
/// last operation when the outputs are read.
struct Lifetimes {
  private(set) var born: [Int]
  private(set) var lastUse: [Int]

  /// - Throws: what keeps the program from having an order of execution: an index out of range,
  ///   an operation without inputs, a tensor defined twice, never, or after its use, and one that
  ///   nothing uses.
  init(_ program: IntegerProgram) throws(WriterError) {
    let count = program.tensors.count
    try Self.check(program.inputs, "input", of: count)
    try Self.check(program.outputs, "output", of: count)
    born = Array(repeating: -1, count: count)
    lastUse = Array(repeating: -1, count: count)
    for input in program.inputs { born[input] = 0 }
    for (index, operation) in program.operations.enumerated() {
      try addUses(of: operation, at: index)
      try addOutput(of: operation, at: index)
    }
    for output in program.outputs { lastUse[output] = program.operations.count + 1 }
    for (index, tensor) in program.tensors.enumerated() {
      guard born[index] >= 0 else {
        throw .tensor(index, name: tensor.name, "no operation defines it")
      }
      guard lastUse[index] > born[index] else {
        throw .tensor(index, name: tensor.name, "nothing uses it")
      }
    }
  }

  /// That there are such tensors, and each is named once.
  private static func check(
    _ ends: [Int], _ what: String, of count: Int
  ) throws(WriterError) {
    guard !ends.isEmpty else { throw .program("it has no \(what)") }
    for (place, end) in ends.enumerated() {
      guard (0..<count).contains(end) else {
        throw .program("the \(what) is tensor \(end) of \(count)")
      }
      guard !ends[..<place].contains(end) else {
        throw .program("tensor \(end) is an \(what) twice")
      }
    }
  }

  private mutating func addUses(of operation: IntegerOperation, at index: Int) throws(WriterError) {
    // How many a kind takes beyond that is the validator's business.
    if operation.inputs.isEmpty, operation.kind.operandCounts.lowerBound > 0 {
      throw .operation(index, name: operation.name, "no inputs")
    }
    for input in operation.inputs {
      guard born.indices.contains(input) else {
        throw .operation(index, name: operation.name, "input \(input) is no tensor")
      }
      guard born[input] >= 0 else {
        throw .operation(index, name: operation.name, "input \(input) is not defined yet")
      }
      lastUse[input] = index + 1
    }
  }

  private mutating func addOutput(
    of operation: IntegerOperation, at index: Int
  ) throws(WriterError) {
    guard born.indices.contains(operation.output) else {
      throw .operation(index, name: operation.name, "output \(operation.output) is no tensor")
    }
    guard born[operation.output] < 0 else {
      throw .operation(index, name: operation.name, "output \(operation.output) is defined twice")
    }
    born[operation.output] = index + 1
  }

  /// Whether both tensors hold values at some one time.
  func overlap(_ one: Int, _ other: Int) -> Bool {
    born[one] <= lastUse[other] && born[other] <= lastUse[one]
  }
}
