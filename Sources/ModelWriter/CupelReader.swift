import CupelIntegerOperators
import CupelModelFormat

/// The way back from a `.cupel` file to the program it was written from.
public enum CupelReader {
  /// Every tensor, operation and metadata entry of the file. Writing the program again gives the
  /// same bytes, but for the arena's plan where another writer planned otherwise.
  public static func program(from model: ModelView) -> IntegerProgram {
    var program = IntegerProgram()
    let indices = 0..<model.tensorCount
    program.inputs = indices.filter(model.isInput)
    program.outputs = [model.output] + indices.filter { model.isOutput($0) && $0 != model.output }
    program.tensors = (0..<model.tensorCount).map { IntegerTensor(model.tensor($0)) }
    program.operations = (0..<model.operationCount).compactMap { index in
      let view = model.operation(index)
      let output = model.tensor(view.output).extent
      return MemoryReader.kind(view, input: model.tensor(view.input).extent, output: output).map {
        IntegerOperation(
          name: String(decoding: view.name, as: UTF8.self), kind: $0,
          inputs: (0..<view.operands.count).map { view.operands[$0] }, output: view.output)
      }
    }
    // Keys are ASCII and ascend, so no two are equal as strings.
    for index in 0..<model.metadataCount {
      let entry = model.metadata(index)
      program.metadata[String(decoding: entry.key, as: UTF8.self)] =
        String(decoding: entry.value, as: UTF8.self)
    }
    return program
  }
}

extension IntegerTensor {
  init(_ view: TensorView) {
    self.init(
      name: String(decoding: view.name, as: UTF8.self), height: view.height, width: view.width,
      channels: view.channels, bits: view.bits, zeroPoint: view.zeroPoint,
      scale: Float(bitPattern: view.scaleBits))
  }
}

/// Reads an operator's fields, its constants into arrays. The record must have been validated.
private struct MemoryReader: RecordCoder {
  typealias Storage = InMemory

  var fields: RecordReader
  let shape: WeightShape?
  let channels: Int
  var minorVersion: UInt16 = 0

  static func kind(_ view: OperationView, input: Extent, output: Extent) -> IntegerOperation.Kind? {
    // The shape of the weights follows from the fields before them.
    let weighted = view.kind.flatMap { $0.payload as? any WeightedOperator }
    var reader = MemoryReader(
      fields: RecordReader(view.record),
      shape: weighted?.weightShape(input: input, output: output), channels: output.channels)
    return IntegerOperation.Kind(code: view.record.kind, &reader)
  }

  mutating func byte(_ place: Int, _ value: inout UInt8) { fields.byte(place, &value) }
  mutating func word(_ parameter: Int, _ value: inout UInt32) { fields.word(parameter, &value) }
  mutating func number(_ parameter: Int, _ value: inout Int) { fields.number(parameter, &value) }
  mutating func axis(_ value: inout Int) { fields.axis(&value) }

  mutating func elements(_ values: inout [Int8]) {
    values = array(ConstantPlaces.values, count: fields.record.parameter(ConstantPlaces.size))
  }

  mutating func weights(bits: Int, _ values: inout [Int8]) {
    values = shape?.unpacked(fields.pointer(ConstantPlaces.values), bits: bits) ?? []
  }

  mutating func words(place: Int, _ values: inout [Int32]) {
    values = array(place, count: channels)
  }

  mutating func optionalWords(place: Int, _ values: inout [Int32]) {
    values = fields.record.parameter(place) == 0 ? [] : array(place, count: channels)
  }

  mutating func floats(place: Int, _ values: inout [Float]) {
    values = array(place, count: channels).map { Float(bitPattern: $0) }
  }

  mutating func bytes(place: Int, _ values: inout [Int8]) { values = array(place, count: channels) }

  private mutating func array<Element>(_ place: Int, count: Int) -> [Element] {
    Array(UnsafeBufferPointer(start: fields.pointer(place), count: count))
  }
}
