/// What every operation shares: operands, output, and which fields its kind uses.
extension Validator {
  func checkOperations() throws(FormatError) {
    var nextOperand = 0
    var constants = ConstantCursor(header.constants)
    for index in 0..<header.operations.count {
      let context = try operationContext(index, nextOperand: &nextOperand)
      try checkUnusedFields(context)
      try checkKind(context, constants: &constants)
    }
    guard nextOperand == header.operands.count else {
      throw FormatError(.operandPlace, .header, at: Layout.Header.sections &+ 2 &* 8)
    }
    guard constants.position == constants.end else {
      throw FormatError(.constantPlace, .header, at: Layout.Header.sections &+ 4 &* 8)
    }
  }

  private func operationContext(
    _ index: Int, nextOperand: inout Int
  ) throws(FormatError) -> OperationContext {
    let record = OperationRecord(offset: operationPlace(index), in: file)
    guard let kind = KindCode(rawValue: record.kind) else {
      throw FormatError(.kind, .operation(index), at: record.offset)
    }
    let first = try checkOperands(record, kind: kind, index: index, next: &nextOperand)
    let output = record.output
    // The output's birth names this operation, so no two operations can define one tensor, and
    // with one operation fewer than tensors none but the input goes without.
    guard (0..<header.tensors.count).contains(output), tensor(output).born == index &+ 1 else {
      throw FormatError(
        .outputIndex, .operation(index), at: record.offset &+ Layout.Operation.output)
    }
    return OperationContext(
      index: index, kind: kind, record: record, input: tensor(first), output: tensor(output))
  }

  /// Returns the first operand's tensor.
  private func checkOperands(
    _ record: OperationRecord, kind: KindCode, index: Int, next: inout Int
  ) throws(FormatError) -> Int {
    let place = record.offset &+ Layout.Operation.firstOperand
    let count = record.operandCount
    guard kind.operandCounts.contains(count) else {
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
      let read = tensor(candidate)
      guard read.born <= index else { throw FormatError(.operandOrder, .operation(index), at: at) }
      guard read.lastUse > index else {
        throw FormatError(
          .lastUse, .tensor(candidate), at: tensorPlace(candidate) &+ Layout.Tensor.lastUse)
      }
    }
    defer { next = next &+ count }
    return operand(next)
  }

  /// Canonical bytes: what a kind has no use for is zero.
  private func checkUnusedFields(_ context: OperationContext) throws(FormatError) {
    let record = context.record
    let kind = context.kind
    let unused =
      (kind.hasRounding ? 0 : Int(record.rounding)) | (kind.isWeighted ? 0 : Int(record.weightBits))
      | (kind == .concatenate ? 0 : Int(record.axis))
      | (kind.hasClamp ? 0 : Int(record.low) | Int(record.high))
      | (kind == .pad ? 0 : Int(record.value)) | Int(record.reservedByte)
    guard unused == 0 else { throw context.error(.unusedField, at: record.offset) }
    guard record.reservedWord == 0 else {
      throw context.error(.unusedField, at: record.offset &+ Layout.Operation.reservedWord)
    }
    for parameter in 0..<Layout.Operation.parameterCount
    where !kind.parameters(parameter) && record.parameterBits(parameter) != 0 {
      throw context.error(.unusedField, at: record.place(parameter))
    }
  }

  private func checkKind(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    if context.kind.hasClamp { try context.checkClamp() }
    if context.kind.hasRounding { try context.checkRounding() }
    switch context.kind {
    case .convolution, .depthwiseConvolution, .fullyConnected:
      try context.checkWeighted(constants: &constants)
    case .averagePool, .maxPool: try context.checkPool()
    case .add: try context.checkAdd(second: tensor(operand(context.record.firstOperand &+ 1)))
    case .mean: try context.checkMean()
    case .requantize:
      try context.checkSameExtent(as: context.input)
      try context.checkRescale(sum: Int64(context.input.largestMagnitude))
    case .clamp:
      try context.checkSameExtent(as: context.input)
      try context.checkGrid(of: context.input)
    case .pad: try context.checkPad()
    case .slice: try context.checkSlice()
    case .concatenate: try checkConcatenate(context)
    }
  }

  private func checkConcatenate(_ context: OperationContext) throws(FormatError) {
    let axis = Int(context.record.axis)
    guard axis < 3 else {
      throw context.error(.axis, at: context.record.offset &+ Layout.Operation.axis)
    }
    var sum: Int64 = 0
    for position in 0..<context.record.operandCount {
      let input = tensor(operand(context.record.firstOperand &+ position))
      try context.checkGrid(of: input)
      for other in 0..<3 where other != axis && input[axis: other] != context.output[axis: other] {
        throw context.error(.outputExtent)
      }
      sum = sum &+ Int64(input[axis: axis])
    }
    guard sum == Int64(context.output[axis: axis]) else { throw context.error(.outputExtent) }
  }
}

/// An operation whose operands and output are known to be tensors of the file.
struct OperationContext {
  let index: Int
  let kind: KindCode
  let record: OperationRecord
  /// The first operand.
  let input: TensorView
  let output: TensorView

  func error(_ rule: FormatRule, at offset: Int) -> FormatError {
    FormatError(rule, .operation(index), at: offset)
  }

  /// About the operation as a whole.
  func error(_ rule: FormatRule) -> FormatError { error(rule, at: record.offset) }
}

extension TensorView {
  subscript(axis axis: Int) -> Int { axis == 0 ? height : axis == 1 ? width : channels }
}

extension KindCode {
  var operandCounts: ClosedRange<Int> {
    switch self {
    case .add: 2...2
    case .concatenate: 2...Layout.mostOperands
    default: 1...1
    }
  }

  var isWeighted: Bool {
    self == .convolution || self == .depthwiseConvolution || self == .fullyConnected
  }

  var hasWindow: Bool {
    self == .convolution || self == .depthwiseConvolution || self == .averagePool
      || self == .maxPool
  }

  var hasRounding: Bool { isWeighted || self == .mean || self == .requantize }

  var hasClamp: Bool { hasRounding || self == .add || self == .clamp }

  /// Whether the kind uses parameter `index`.
  func parameters(_ index: Int) -> Bool {
    switch self {
    case .convolution: index <= Layout.Parameter.shifts
    case .depthwiseConvolution:
      index <= Layout.Parameter.shifts && index != Layout.Parameter.groups
    case .fullyConnected: (Layout.Parameter.weights...Layout.Parameter.shifts).contains(index)
    case .averagePool, .maxPool: index < Layout.Parameter.groups
    case .add, .slice: index < 6
    case .mean, .requantize, .pad: index < 3
    case .clamp, .concatenate: false
    }
  }
}
