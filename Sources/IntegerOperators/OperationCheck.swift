import CupelFixedPoint
import CupelModelFormat

/// An operation whose operands and output are known to be tensors of the file, while it is judged.
package struct OperationContext {
  private let index: Int
  package let record: OperationRecord
  /// Where the file's tensors begin, and its operands.
  private let tensors, operands: Int
  /// The first operand; the output where there is none.
  package let input: TensorView
  package let output: TensorView
  var constants: ConstantCursor

  fileprivate init(
    _ index: Int, _ record: OperationRecord, in validator: Validator, constants: ConstantCursor
  ) {
    self.index = index
    self.constants = constants
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

  @inline(__always)
  func demand(_ isMet: Bool, _ rule: FormatRule) throws(FormatError) {
    if !isMet { throw error(rule) }
  }

  @inline(__always)
  func demand(_ isMet: Bool, _ rule: FormatRule, at offset: Int) throws(FormatError) {
    if !isMet { throw error(rule, at: offset) }
  }

  @inline(__always)
  func demand(_ isMet: Bool, _ rule: FormatRule, parameter: Int) throws(FormatError) {
    if !isMet { throw error(rule, parameter: parameter) }
  }

  func checkSameExtent(as other: TensorView) throws(FormatError) {
    try demand(output.hasExtent(of: other), .outputExtent)
  }

  func checkGrid(of other: TensorView) throws(FormatError) {
    try demand(output.hasGrid(of: other), .grids)
  }

  /// What every operator with such a field demands of it.
  ///
  /// - Parameter fields: which fields the operator has.
  fileprivate func checkFields(_ fields: RecordReader) throws(FormatError) {
    if let place = fields.firstStray { throw error(.unusedField, at: place) }
    if fields.hasMet(byte: Layout.Operation.low) {
      var (low, high): (Int16, Int16) = (0, 0)
      var reader = RecordReader(record)
      reader.bounds(&low, &high)
      let isRange = low <= high && isOnGrid(low) && isOnGrid(high)
      try demand(isRange, .clampRange, at: record.offset &+ Layout.Operation.low)
    }
    // Only operators with weights have scales that say a ratio to all the bits of a double.
    if fields.hasMet(byte: Layout.Operation.rounding) {
      let isWeighted = fields.hasMet(byte: Layout.Operation.weightBits)
      guard let mode = RoundingMode(rawValue: record.byte(Layout.Operation.rounding)),
        isKnown(mode, isWeighted: isWeighted)
      else { throw error(.rounding, at: record.offset &+ Layout.Operation.rounding) }
    }
  }

  private func isKnown(_ mode: RoundingMode, isWeighted: Bool) -> Bool {
    if input.isWide || output.isWide {
      return (isWeighted ? RoundingModes.wideAccumulators : .wideScalings).contains(mode)
    }
    return isWeighted
      ? mode.rawValue <= RoundingMode.float64HalfAway.rawValue
      : mode != .float64HalfAway && mode.rawValue <= RoundingMode.float32Steps.rawValue
  }

  /// Whether an integer lies on the output's grid.
  func isOnGrid(_ value: Int16) -> Bool {
    Int(value) >= output.lowest && Int(value) <= output.highest
  }

  /// That all tensors have 16 bits, or none.
  fileprivate func checkWidth() throws(FormatError) {
    guard WideActivations.isThere else { return }
    for position in 0..<record.operandCount where operand(position).isWide != output.isWide {
      throw error(.grids)
    }
  }

  /// That the operation's rounding mode is one that its kind knows, and this build.
  func checkRounding(_ mode: RoundingMode, known: RoundingModes) throws(FormatError) {
    let isThere =
      RuntimeArithmetic.isThere || mode.rawValue <= RoundingMode.float64HalfAway.rawValue
    try demand(
      isThere && known.contains(mode), .rounding,
      at: record.offset &+ Layout.Operation.rounding)
  }
}

extension Validator {
  /// Every operation's operands, output, fields, and what its kind demands.
  package func checkOperations() throws(FormatError) {
    var check = Check(constants: ConstantCursor(header.constants))
    for index in 0..<header.operations.count {
      let record = OperationRecord(offset: operationPlace(index), in: file)
      let isKnown = try record.show(to: &check, at: (self, record, index)) != nil
      try FormatRecord.operation(index).demand(isKnown, .kind, at: record.offset)
    }
    let (own, sections) = (FormatRecord.header, Layout.Header.sections)
    let isFilled = check.constants.position == check.constants.end
    try own.demand(
      check.nextOperand == header.operands.count, .operandPlace, at: sections &+ 2 &* 8)
    try own.demand(isFilled, .constantPlace, at: sections &+ 4 &* 8)
    let version = max(check.minorVersion, endsVersion)
    try own.demand(header.minor == version, .version, at: Layout.Header.minor)
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
      var context = try site.validator.context(
        site.index, reader, counts: Own.operandCounts, next: &nextOperand, constants)
      if !Own.changesWidth { try context.checkWidth() }
      try own.check(&context)
      constants = context.constants
    }
  }

  /// What does not depend on the operator.
  @inline(never)
  private func context(
    _ index: Int, _ fields: RecordReader, counts: ClosedRange<Int>, next: inout Int,
    _ constants: ConstantCursor
  ) throws(FormatError) -> OperationContext {
    let record = fields.record
    try checkOperands(record, counts: counts, index: index, next: &next)
    try checkOutput(record, index: index)
    let context = OperationContext(index, record, in: self, constants: constants)
    try context.checkFields(fields)
    return context
  }

  /// The output's birth names this operation, so no two operations can define one tensor, and
  /// with one operation fewer than tensors none but the input goes without.
  private func checkOutput(_ record: OperationRecord, index: Int) throws(FormatError) {
    let output = record.output
    let isDefinedHere =
      (0..<header.tensors.count).contains(output)
      && file.number(tensorPlace(output) &+ Layout.Tensor.born) == index &+ 1
    try FormatRecord.operation(index).demand(
      isDefinedHere, .outputIndex, at: record.offset &+ Layout.Operation.output)
  }

  private func checkOperands(
    _ record: OperationRecord, counts: ClosedRange<Int>, index: Int, next: inout Int
  ) throws(FormatError) {
    let own = FormatRecord.operation(index)
    let count = record.operandCount
    try own.demand(
      counts.contains(count), .operandCount, at: record.offset &+ Layout.Operation.operandCount)
    try own.demand(
      record.firstOperand == next && count <= header.operands.count &- next, .operandPlace,
      at: record.offset &+ Layout.Operation.firstOperand)
    for position in next..<next &+ count {
      let at = header.operands.offset &+ position &* Layout.operandSize
      let candidate = operand(position)
      try own.demand((0..<header.tensors.count).contains(candidate), .operandIndex, at: at)
      let read = tensorPlace(candidate)
      try own.demand(file.number(read &+ Layout.Tensor.born) <= index, .operandOrder, at: at)
      let lastUse = read &+ Layout.Tensor.lastUse
      try FormatRecord.tensor(candidate).demand(file.number(lastUse) > index, .lastUse, at: lastUse)
    }
    next = next &+ count
  }
}

extension TensorView {
  subscript(axis axis: Int) -> Int { axis == 0 ? height : axis == 1 ? width : channels }
}
