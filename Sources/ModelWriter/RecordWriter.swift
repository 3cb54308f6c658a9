import IntegerOperators
import ModelFormat

/// What an operation's record says beyond its name, operands and output; its constants go to the pool.
struct RecordWriter: RecordCoder {
  typealias Storage = InMemory

  /// The record's first eight bytes.
  private(set) var head = [UInt8](repeating: 0, count: 8)
  /// What an operator has no use for stays zero.
  private(set) var parameters = [UInt32](repeating: 0, count: Layout.Operation.parameterCount)
  var minorVersion: UInt16 = 0
  private(set) var constants: ConstantPool
  /// What keeps the first field that does not fit from being written.
  private(set) var problem: String?
  /// Of the operator's weights.
  private var shape: WeightShape?
  /// Table entries or elements of the operator.
  private var expected: Int?

  init(constants: ConstantPool) { self.constants = constants }

  /// - Throws: the reason why the operation cannot be written, in the program's own names.
  mutating func write(
    _ operation: IntegerOperation, at index: Int, in program: IntegerProgram
  ) throws(WriterError) {
    let output = program.tensors[operation.output].shape
    let input = operation.inputs.first.map { program.tensors[$0].shape } ?? output
    head[Layout.Operation.kind] = operation.kind.code
    var visitor = Visitor(writer: self, input: input, output: output)
    operation.kind.accept(&visitor)
    self = visitor.writer
    if let problem { throw .operation(index, name: operation.name, problem) }
  }

  private struct Visitor: OperatorVisitor {
    typealias Storage = InMemory
    var writer: RecordWriter
    let input, output: Extent

    mutating func visit<Own: PlainOperator>(_ own: Own) {
      var own = own
      writer.require(minor: Own.minorVersion)
      own.code(&writer)
    }

    mutating func visit<Own: ConstantOperator>(_ own: Own) where Own.Storage == Storage {
      var own = own
      writer.require(minor: Own.minorVersion)
      if let weighted = own as? any WeightedOperator { prepare(weighted) }
      writer.expected = own.elementCount(output: output)
      guard writer.problem == nil else { return }
      own.code(&writer)
    }

    /// The weights' shape, and that all lists fit it.
    private mutating func prepare<Own: WeightedOperator>(_ own: Own) {
      guard let weights = own.weights as? Weights<InMemory> else { return }
      guard let shape = own.weightShape(input: input, output: output) else {
        return writer.fail("a kernel or groups without a size")
      }
      writer.shape = shape
      if let problem = weights.misfit(shape, channels: output.channels) { writer.fail(problem) }
    }
  }

  private mutating func fail(_ reason: String) { problem = problem ?? reason }

  mutating func byte(_ place: Int, _ value: inout UInt8) { head[place] = value }

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

  mutating func elements(place: Int, size: Int, _ values: inout [Int8]) {
    if let expected, values.count != expected {
      return fail("\(values.count) values where \(expected) belong")
    }
    put(values.map(UInt8.init(bitPattern:)), alignment: Layout.alignment, place: place, size: size)
  }

  mutating func weights(place: Int, size: Int, bits: Int, _ values: inout [Int8]) {
    guard let shape else { return }
    put(
      shape.packed(values, bits: bits), alignment: Layout.alignment, place: place, size: size)
  }

  mutating func words(place: Int, _ values: inout [Int32]) {
    put(words: values.map(UInt32.init(bitPattern:)), place: place)
  }

  mutating func floats(place: Int, _ values: inout [Float]) {
    put(words: values.map(\.bitPattern), place: place)
  }

  mutating func bytes(place: Int, _ values: inout [Int8]) {
    put(values.map(UInt8.init(bitPattern:)), alignment: 1, place: place)
  }

  private mutating func put(words: [UInt32], place: Int) {
    parameters[place] = UInt32(constants.append(words: words))
  }

  private mutating func put(_ bytes: [UInt8], alignment: Int, place: Int, size: Int? = nil) {
    parameters[place] = UInt32(constants.append(bytes, alignment: alignment))
    if let size { parameters[size] = UInt32(bytes.count) }
  }
}

extension Weights<InMemory> {
  /// What does not fit the weights' shape; nil where everything does.
  fileprivate func misfit(_ shape: WeightShape, channels: Int) -> String? {
    guard bits == 8 || bits == 4 else { return "\(bits)-bit weights" }
    guard weights.count == shape.count else {
      return "\(weights.count) weights where its shape has \(shape.count)"
    }
    guard bias.count == channels, multipliers.count == channels, weightScales.count == channels,
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

/// The constants section under construction.
struct ConstantPool {
  /// Byte offset in the file at which the section begins.
  let start: Int
  private(set) var buffer = ByteBuffer()

  init(start: Int) { self.start = start }

  /// Returns where the bytes begin.
  mutating func append(_ bytes: [UInt8], alignment: Int) -> Int {
    buffer.align(to: alignment)
    let place = start + buffer.bytes.count
    buffer.append(contentsOf: bytes)
    return place
  }

  /// Returns where the words begin.
  mutating func append(words: [UInt32]) -> Int {
    buffer.align(to: 4)
    let place = start + buffer.bytes.count
    buffer.append(words: words)
    return place
  }
}
