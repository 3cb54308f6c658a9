import CupelModelFormat

/// One operation of a validated file. Pointers lead into the file's bytes and live as long as
/// they do.
public struct OperationView {
  /// UTF-8, not terminated.
  public let name: UnsafeRawBufferPointer
  package let record: OperationRecord
  /// The tensors that it reads.
  public let operands: OperandList
  /// Index of the output tensor.
  public let output: Int

  /// Index of the only, or the first, input tensor; of the output where there is none.
  public var input: Int { operands.count > 0 ? operands[0] : output }

  init(record offset: Int, operands list: Int, in file: UnsafeRawPointer) {
    record = OperationRecord(offset: offset, in: file)
    name = UnsafeRawBufferPointer(
      start: file + file.number(offset &+ Layout.Operation.name),
      count: file.number(offset &+ Layout.Operation.nameLength))
    operands = OperandList(
      start: file + list + record.firstOperand &* Layout.operandSize, count: record.operandCount)
    output = record.output
  }

  /// What the operation computes. The validator has refused every code that no operator has.
  public var kind: OperatorKind<InFile>? {
    var reader = RecordReader(record)
    return OperatorKind(code: record.kind, &reader)
  }
}

/// The tensors that an operation reads.
public struct OperandList {
  let start: UnsafeRawPointer
  /// How many they are.
  public let count: Int

  /// Index of the tensor at `position`.
  ///
  /// - Precondition: `position` lies in 0..<count.
  public subscript(position: Int) -> Int {
    precondition(position >= 0 && position < count)
    return start.number(position &* Layout.operandSize)
  }
}
