import CupelIntegerBuilder
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

/// One operator on its way through a converter: reads its options and constants, and names itself
/// in errors.
struct TFLiteNode: FileNode {
  let index: Int
  let source: TFLiteModel.Operator
  let model: TFLiteModel

  var inputs: [Int] { source.inputs }
  var outputs: [Int] { source.outputs }

  /// Operators have no names of their own.
  var name: String { source.place }
  var type: String { source.name }

  func error(_ cause: BuildError) -> ImportError {
    switch cause {
    case .ratio(_, nil): error("the scales have a ratio that is too large")
    case .ratio(_, let channel?):
      error("the scales of channel \(channel) have a ratio that is too large")
    case .sumRatio, .extent: error("\(cause)")
    }
  }

  /// Two tensors lie on different grids where the runtimes refuse that, since they move integers
  /// and compute nothing.
  func differentGrids(_ first: IntegerTensor, _ second: IntegerTensor) -> ImportError {
    func text(_ tensor: IntegerTensor) -> String {
      "'\(printable(tensor.name))' (scale \(tensor.scale), zero point \(tensor.zeroPoint))"
    }
    return error(
      "\(text(first)) and \(text(second)) must have the same scale and zero point; the runtimes "
        + "refuse such a file: quantize the model again")
  }

  /// Checks that no output exists already and every input does.
  ///
  /// - Parameter isBound: whether the model's input, or an operator before, gives a tensor.
  func checkReferences(isBound: (Int) -> Bool) throws(ImportError) {
    for output in outputs {
      guard output >= 0, !isBound(output), model.tensors[output].data == nil else {
        throw error("output \(output) already exists")
      }
    }
    for input in inputs where input >= 0 {
      guard isBound(input) || model.tensors[input].data != nil else {
        throw .undefinedValue(node: name, operator: type, value: model.tensors[input].name)
      }
    }
  }

  // MARK: Options

  func number<Value: FixedWidthInteger>(_ field: Int, default: Value) throws(ImportError) -> Value {
    try source.options?.number(field, default: `default`) ?? `default`
  }

  /// A stride, dilation, extent or factor, which must be 1 or more.
  func positive(_ field: Int, default: Int32 = 0) throws(ImportError) -> Int {
    let value = Int(try number(field, default: `default`))
    try require(value >= 1, "option \(field) is \(value), needs 1 or more")
    return value
  }

  func float(_ field: Int, default: Float) throws(ImportError) -> Float {
    try source.options?.float(field, default: `default`) ?? `default`
  }

  func flag(_ field: Int) throws(ImportError) -> Bool { try source.options?.flag(field) ?? false }

  func padding(_ field: Int) throws(ImportError) -> TFLite.Padding {
    guard let padding = TFLite.Padding(rawValue: try number(field, default: 0)) else {
      throw error("an unknown padding")
    }
    return padding
  }

  /// The fused activation as real bounds.
  func bounds(_ field: Int) throws(ImportError) -> ClosedRange<Float> {
    switch TFLite.Activation(rawValue: try number(field, default: 0)) {
    case .some(.none): -.infinity ... .infinity
    case .relu: 0 ... .infinity
    case .reluN1To1: -1...1
    case .relu6: 0...6
    case .tanh: throw unsupported("a fused tanh")
    case .signBit: throw unsupported("a fused sign bit")
    case nil: throw error("an unknown activation")
    }
  }

  // MARK: Tensors

  /// Whether an input holds numbers about shapes that the file computes of other shapes: what it makes
  /// of them, it declares.
  func computesShape(_ position: Int) throws(ImportError) -> Bool {
    let tensor = try tensor(position)
    return tensor.data == nil && (tensor.type == .int32 || tensor.type == .int64)
  }

  /// Index of an input that must be there.
  func input(_ position: Int) throws(ImportError) -> Int {
    try require(
      inputs.indices.contains(position) && inputs[position] >= 0, "input \(position) is missing")
    return inputs[position]
  }

  /// Index of the only output.
  func output() throws(ImportError) -> Int {
    try require(outputs.count == 1 && outputs[0] >= 0, "needs one output")
    return outputs[0]
  }

  func tensor(_ position: Int) throws(ImportError) -> TFLiteModel.Tensor {
    model.tensors[try input(position)]
  }

  /// The elements of an input that must be a constant.
  func data(
    _ position: Int, type: [TFLite.ElementType], what: String
  ) throws(ImportError) -> (tensor: TFLiteModel.Tensor, bytes: ArraySlice<UInt8>, count: Int) {
    try data(of: try input(position), type: type, what: what)
  }

  /// The elements of a tensor that must be a constant.
  func data(
    of index: Int, type: [TFLite.ElementType], what: String
  ) throws(ImportError) -> (tensor: TFLiteModel.Tensor, bytes: ArraySlice<UInt8>, count: Int) {
    let tensor = model.tensors[index]
    guard let place = tensor.data else { throw unsupported("\(what) that is not a constant") }
    guard let kind = tensor.type, type.contains(kind) else {
      throw unsupported("\(what) of another type")
    }
    try support(!tensor.isSparse, "\(what) stored sparsely")
    guard let count = TFLiteShape.elementCount(tensor.shape) else {
      throw error("\(what) of shape \(tensor.shape)")
    }
    let bytes = model.data(place)
    guard let size = kind.bytes(count), bytes.count == size else {
      throw error("\(what) of shape \(tensor.shape) takes \(bytes.count) bytes")
    }
    return (tensor, bytes, count)
  }

  /// A constant list of integers.
  ///
  /// - Parameter most: numbers that it may have.
  func integers(
    _ position: Int, _ what: String, atMost most: Int = 64
  ) throws(ImportError) -> [Int] {
    let (tensor, bytes, count) = try data(position, type: [.int32, .int64], what: what)
    try require(count <= most, "\(what) of \(count) numbers")
    return bytes.withUnsafeBytes { raw in
      (0..<count).map {
        tensor.type == .int32
          ? Int(Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)))
          : Int(Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)))
      }
    }
  }
}

extension TFLite.ElementType {
  /// Bytes that `count` elements take; nil where they overflow or the type is not read.
  func bytes(_ count: Int) -> Int? {
    let size: Int
    switch self {
    case .int4: return count / 2 + count % 2
    case .int8, .uint8: size = 1
    case .float16, .int16: size = 2
    case .float32, .int32: size = 4
    case .int64: size = 8
    default: return nil
    }
    let bytes = count.multipliedReportingOverflow(by: size)
    return bytes.overflow ? nil : bytes.partialValue
  }
}
