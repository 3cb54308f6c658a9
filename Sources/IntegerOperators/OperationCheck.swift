import FixedPoint
import ModelFormat

/// An operation whose operands and output are known to be tensors of the file, while it is judged.
package struct OperationContext {
  private let index: Int
  package let record: OperationRecord
  /// Where the file's tensors begin, and its operands.
  private let tensors, operands: Int
  /// The first operand; the output where there is none.
  package let input: TensorView
  package let output: TensorView

  fileprivate init(_ index: Int, _ record: OperationRecord, in validator: Validator) {
    self.index = index
    self.record = record
    tensors = validator.header.tensors.offset
    operands = validator.header.operands.offset
    output = validator.tensor(record.output)
    input =
      record.operandCount > 0
      ? validator.tensor(validator.operand(record.firstOperand)) : output
  }

  package func operand(_ position: Int) -> TensorView {
    let place = operands &+ (record.firstOperand &+ position) &* Layout.operandSize
    return TensorView(
      record: tensors &+ record.file.number(place) &* Layout.tensorSize, in: record.file)
  }

  package func error(_ rule: FormatRule, at offset: Int) -> FormatError {
    FormatError(rule, .operation(index), at: offset)
  }

  /// About the operation as a whole.
  package func error(_ rule: FormatRule) -> FormatError { error(rule, at: record.offset) }

  /// About a parameter.
  package func error(_ rule: FormatRule, parameter: Int) -> FormatError {
    error(rule, at: record.place(parameter))
  }

  func checkSameExtent(as other: TensorView) throws(FormatError) {
    guard output.hasExtent(of: other) else { throw error(.outputExtent) }
  }

  func checkGrid(of other: TensorView) throws(FormatError) {
    guard output.hasGrid(of: other) else { throw error(.grids) }
  }

  /// What every operator with such a field demands of it.
  ///
  /// - Parameter fields: which fields the operator has.
  fileprivate func checkFields(_ fields: RecordReader) throws(FormatError) {
    if let place = fields.firstStray { throw error(.unusedField, at: place) }
    if fields.hasMet(byte: Layout.Operation.low) {
      let low = Int(Int8(bitPattern: record.byte(Layout.Operation.low)))
      let high = Int(Int8(bitPattern: record.byte(Layout.Operation.high)))
      guard low <= high, low >= output.lowest, high <= output.highest else {
        throw error(.clampRange, at: record.offset &+ Layout.Operation.low)
      }
    }
    // Only operators with weights have scales that say a ratio to all the bits of a double.
    if fields.hasMet(byte: Layout.Operation.rounding) {
      guard let mode = RoundingMode(rawValue: record.byte(Layout.Operation.rounding)),
        mode != .float64HalfAway || fields.hasMet(byte: Layout.Operation.weightBits)
      else { throw error(.rounding, at: record.offset &+ Layout.Operation.rounding) }
    }
  }
}

extension Validator {
  /// Every operation's operands, output, fields, and what its kind demands.
  package func checkOperations() throws(FormatError) {
    var check = Check(constants: ConstantCursor(header.constants))
    for index in 0..<header.operations.count {
      let record = OperationRecord(offset: operationPlace(index), in: file)
      guard try record.show(to: &check, at: (self, record, index)) != nil else {
        throw FormatError(.kind, .operation(index), at: record.offset)
      }
    }
    guard check.nextOperand == header.operands.count else {
      throw FormatError(.operandPlace, .header, at: Layout.Header.sections &+ 2 &* 8)
    }
    guard check.constants.position == check.constants.end else {
      throw FormatError(.constantPlace, .header, at: Layout.Header.sections &+ 4 &* 8)
    }
    guard header.minor == check.minorVersion else {
      throw FormatError(.version, .header, at: Layout.Header.minor)
    }
  }

  private struct Check: SiteVisitor {
    var constants: ConstantCursor
    var nextOperand = 0
    /// The oldest minor version that has all operations so far.
    var minorVersion: UInt16 = 0

    init(constants: ConstantCursor) { self.constants = constants }

    // A function for each operator: what a program has of each can then be told.
    @inline(never)
    mutating func visit<Own: RunnableOperator>(
      _ type: Own.Type, at site: (validator: Validator, record: OperationRecord, index: Int)
    ) throws(FormatError) {
      var reader = RecordReader(site.record, minorVersion: minorVersion)
      let own = Own(reading: &reader)
      minorVersion = reader.minorVersion
      let context = try site.validator.context(
        site.index, reader, counts: Own.operandCounts, next: &nextOperand)
      try own.check(context, constants: &constants)
    }
  }

  /// What does not depend on the operator.
  @inline(never)
  private func context(
    _ index: Int, _ fields: RecordReader, counts: ClosedRange<Int>, next: inout Int
  ) throws(FormatError) -> OperationContext {
    let record = fields.record
    try checkOperands(record, counts: counts, index: index, next: &next)
    try checkOutput(record, index: index)
    let context = OperationContext(index, record, in: self)
    try context.checkFields(fields)
    return context
  }

  /// The output's birth names this operation, so no two operations can define one tensor, and
  /// with one operation fewer than tensors none but the input goes without.
  private func checkOutput(_ record: OperationRecord, index: Int) throws(FormatError) {
    let output = record.output
    guard (0..<header.tensors.count).contains(output),
      file.number(tensorPlace(output) &+ Layout.Tensor.born) == index &+ 1
    else {
      throw FormatError(
        .outputIndex, .operation(index), at: record.offset &+ Layout.Operation.output)
    }
  }

  private func checkOperands(
    _ record: OperationRecord, counts: ClosedRange<Int>, index: Int, next: inout Int
  ) throws(FormatError) {
    let place = record.offset &+ Layout.Operation.firstOperand
    let count = record.operandCount
    guard counts.contains(count) else {
      throw FormatError(
        .operandCount, .operation(index), at: record.offset &+ Layout.Operation.operandCount)
    }
    guard record.firstOperand == next, count <= header.operands.count &- next else {
      throw FormatError(.operandPlace, .operation(index), at: place)
    }
    for position in next..<next &+ count {
      let at = header.operands.offset &+ position &* Layout.operandSize
      let candidate = operand(position)
      guard (0..<header.tensors.count).contains(candidate) else {
        throw FormatError(.operandIndex, .operation(index), at: at)
      }
      let read = tensorPlace(candidate)
      guard file.number(read &+ Layout.Tensor.born) <= index else {
        throw FormatError(.operandOrder, .operation(index), at: at)
      }
      let lastUse = read &+ Layout.Tensor.lastUse
      guard file.number(lastUse) > index else {
        throw FormatError(.lastUse, .tensor(candidate), at: lastUse)
      }
    }
    next = next &+ count
  }
}

extension TensorView {
  subscript(axis axis: Int) -> Int { axis == 0 ? height : axis == 1 ? width : channels }
}
