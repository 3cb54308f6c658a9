import CupelIntegerOperators
import CupelModelFormat

/// What an operation's record says beyond its name, operands and output; its constants go to the pool.
struct RecordWriter: RecordCoder, OperatorVisitor {
  typealias Storage = InMemory

  /// The record's first eight bytes.
  private(set) var head = [UInt8](repeating: 0, count: 8)
  /// The four bytes before the parameters.
  private(set) var tail = [UInt8](repeating: 0, count: 4)
  /// What an operator has no use for stays zero.
  private(set) var parameters = [UInt32](repeating: 0, count: Layout.Operation.parameterCount)
  var minorVersion: UInt16 = 0
  private(set) var constants: Pool
  /// What keeps the first field that does not fit from being written.
  private(set) var problem: String?
  /// Of the operator's weights.
  private var shape: WeightShape?
  /// Table entries or elements of the operator.
  private var expected: Int?

  init(constants: Pool) { self.constants = constants }

  /// - Throws: the reason why the operation cannot be written, in the program's own names.
  mutating func write(
    _ operation: IntegerOperation, at index: Int, in program: IntegerProgram
  ) throws(WriterError) {
    let output = program.tensors[operation.output].shape
    let input = operation.inputs.first.map { program.tensors[$0].shape } ?? output
    head[Layout.Operation.kind] = operation.kind.code
    let payload = operation.kind.payload
    // A constant's are the tensor's own; indices have one size.
    let isWide = program.tensors[operation.output].bits == 16
    let width = if isWide, case .constant = operation.kind { 2 } else { 1 }
    expected = (payload as? any ConstantOperator)?.elementCount(output: output).map { $0 * width }
    if let weighted = payload as? any WeightedOperator, let weights = operation.kind.weights {
      shape = weighted.weightShape(input: input, output: output)
      problem =
        shape.map { weights.misfit($0, channels: output.channels) }
        ?? "a kernel or groups without a size"
    }
    if problem == nil { operation.kind.accept(&self) }
    if let problem { throw .operation(index, name: operation.name, problem) }
  }

  mutating func visit<Own: PlainOperator>(_ own: Own) {
    var own = own
    require(minor: Own.minorVersion)
    own.code(&self)
  }

  mutating func visit<Own: ConstantOperator>(_ own: Own) where Own.Storage == Storage {
    var own = own
    require(minor: Own.minorVersion)
    own.code(&self)
  }

  private mutating func fail(_ reason: String) { problem = problem ?? reason }

  mutating func byte(_ place: Int, _ value: inout UInt8) {
    if place < head.count {
      head[place] = value
    } else {
      tail[place - Layout.Operation.upperLow] = value
    }
  }

  mutating func word(_ parameter: Int, _ value: inout UInt32) { parameters[parameter] = value }

  mutating func number(_ parameter: Int, _ value: inout Int) {
    guard let word = UInt32(exactly: value), Int64(word) <= Layout.largest else {
      return fail("a parameter of \(value)")
    }
    parameters[parameter] = word
  }

  mutating func axis(_ value: inout Int) {
    guard let byte = UInt8(exactly: value) else { return fail("an axis of \(value)") }
    head[Layout.Operation.axis] = byte
  }

  mutating func elements(_ values: inout [Int8]) {
    if let expected, values.count != expected {
      return fail("\(values.count) values where \(expected) belong")
    }
    putSized(values.map(UInt8.init(bitPattern:)))
  }

  mutating func weights(bits: Int, _ values: inout [Int8]) {
    if let shape { putSized(shape.packed(values, bits: bits)) }
  }

  mutating func words(place: Int, _ values: inout [Int32]) {
    put(words: values.map(UInt32.init(bitPattern:)), place: place)
  }

  mutating func optionalWords(place: Int, _ values: inout [Int32]) {
    if !values.isEmpty { words(place: place, &values) }
  }

  mutating func floats(place: Int, _ values: inout [Float]) {
    put(words: values.map(\.bitPattern), place: place)
  }

  mutating func bytes(place: Int, _ values: inout [Int8]) {
    put(values.map(UInt8.init(bitPattern:)), alignment: 1, place: place)
  }

  private mutating func put(words: [UInt32], place: Int) {
    var buffer = ByteBuffer()
    buffer.append(words: words)
    put(buffer.bytes, alignment: 4, place: place)
  }

  private mutating func putSized(_ bytes: [UInt8]) {
    put(bytes, alignment: Layout.alignment, place: ConstantPlaces.values)
    parameters[ConstantPlaces.size] = UInt32(bytes.count)
  }

  private mutating func put(_ bytes: [UInt8], alignment: Int, place: Int) {
    parameters[place] = UInt32(constants.append(bytes, alignment: alignment))
  }
}

extension Weights<InMemory> {
  /// What does not fit the weights' shape; nil where everything does.
  fileprivate func misfit(_ shape: WeightShape, channels: Int) -> String? {
    guard bits == 8 || bits == 4 else { return "\(bits)-bit weights" }
    guard weights.count == shape.count else {
      return "\(weights.count) weights where its shape has \(shape.count)"
    }
    guard bias.count == channels, upperBias.isEmpty || upperBias.count == channels,
      multipliers.count == channels, weightScales.count == channels,
      shifts.count == channels
    else {
      return "\(bias.count) biases and \(multipliers.count) scales for \(channels) output channels"
    }
    guard bits == 8 || weights.allSatisfy({ (-8...7).contains($0) }) else {
      return "a weight outside -8...7 at 4 bits"
    }
    return nil
  }
}
