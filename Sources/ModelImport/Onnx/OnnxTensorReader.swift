import CupelOnnxSchema
import Foundation

/// Turns tensors as the file stores them into constants. Sizes are checked against the bytes that
/// are present before anything is allocated.
struct OnnxTensorReader {
  /// ONNX's numbers of the element types that can appear.
  enum ElementType: Int32 {
    case float32 = 1
    case int32 = 6
    case int64 = 7
    case bool = 9
    case float16 = 10
    case float64 = 11
    case bfloat16 = 16

    var isFloat: Bool {
      switch self {
      case .float32, .float16, .float64, .bfloat16: true
      case .int32, .int64, .bool: false
      }
    }

    var bytes: Int {
      switch self {
      case .bool: 1
      case .float16, .bfloat16: 2
      case .float32, .int32: 4
      case .int64, .float64: 8
      }
    }
  }

  private static let typeNames = [
    "no type", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "text", "bool",
    "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn",
    "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0",
    "uint2", "int2",
  ]

  /// The specification's name of an element type.
  static func typeName(_ type: some BinaryInteger) -> String {
    guard let index = Int(exactly: type), typeNames.indices.contains(index) else {
      return "an unknown type, \(type)"
    }
    return typeNames[index]
  }

  /// - Throws: `ImportError.invalidTensor` naming the tensor and the rule.
  static func constant(
    _ tensor: OnnxTensor, name: String, budget: inout ImportBudget
  ) throws(ImportError) -> OnnxConstant {
    func fail(_ rule: String) -> ImportError { .invalidTensor(name: name, rule: rule) }
    guard !tensor.isExternal else {
      throw fail(
        "its data lies in another file, which only initializers of a model read from a file may; "
          + "save the model with its weights inside")
    }
    guard let type = ElementType(rawValue: tensor.elementType) else {
      throw fail(
        "its elements are \(typeName(tensor.elementType)); here only float16, bfloat16, float32, "
          + "float64, int32, int64 and bool are read")
    }
    guard tensor.dimensions.count <= OnnxConstant.maximumRank else {
      throw fail("has \(tensor.dimensions.count) axes, more than \(OnnxConstant.maximumRank)")
    }
    let dimensions = tensor.dimensions.map { Int($0) }
    guard let count = OnnxConstant.elementCount(dimensions) else {
      throw fail("shape \(dimensions) is not possible")
    }
    let present = presentElements(tensor, type: type)
    guard present == count else {
      throw fail(
        "shape \(dimensions) needs \(count) elements, the file has "
          + "\(present.map(String.init) ?? "a part of one too many")")
    }
    let size = type.isFloat ? MemoryLayout<Float>.stride : MemoryLayout<SymbolicInteger>.stride
    guard budget.claim(count, size: size) else {
      throw fail("constants take more memory than the file may ask for")
    }
    return OnnxConstant(
      dimensions: dimensions, elements: elements(tensor, type: type, count: count))
  }

  /// Elements that the tensor holds; nil if its raw bytes end inside one.
  private static func presentElements(_ tensor: OnnxTensor, type: ElementType) -> Int? {
    if !tensor.raw.isEmpty {
      return tensor.raw.count % type.bytes == 0 ? tensor.raw.count / type.bytes : nil
    }
    switch type {
    case .float32: return tensor.floats.count
    case .float64: return tensor.doubles.count
    case .int32, .bool, .float16, .bfloat16: return tensor.integers32.count
    case .int64: return tensor.integers64.count
    }
  }

  private static func elements(
    _ tensor: OnnxTensor, type: ElementType, count: Int
  ) -> OnnxConstant.Elements {
    if tensor.raw.isEmpty {
      switch type {
      case .float32: return .floats(tensor.floats)
      case .float64: return .floats(tensor.doubles.map { Float($0) })
      case .float16:
        return .floats(tensor.integers32.map { half(UInt16(truncatingIfNeeded: $0)) })
      case .bfloat16:
        return .floats(tensor.integers32.map { brain(UInt16(truncatingIfNeeded: $0)) })
      case .int32: return .integers(tensor.integers32.map { SymbolicInteger(Int($0)) })
      case .bool: return .integers(tensor.integers32.map { SymbolicInteger($0 == 0 ? 0 : 1) })
      case .int64: return .integers(tensor.integers64.map { SymbolicInteger(Int($0)) })
      }
    }
    return tensor.raw.withUnsafeBytes { raw in
      switch type {
      case .float32:
        return .floats(
          load(raw, as: UInt32.self, count) { Float(bitPattern: UInt32(littleEndian: $0)) })
      case .float64:
        return .floats(
          load(raw, as: UInt64.self, count) { Float(Double(bitPattern: UInt64(littleEndian: $0))) })
      case .float16:
        return .floats(load(raw, as: UInt16.self, count) { half(UInt16(littleEndian: $0)) })
      case .bfloat16:
        return .floats(load(raw, as: UInt16.self, count) { brain(UInt16(littleEndian: $0)) })
      case .int32:
        return .integers(
          load(raw, as: Int32.self, count) { SymbolicInteger(Int(Int32(littleEndian: $0))) })
      case .int64:
        return .integers(
          load(raw, as: Int64.self, count) { SymbolicInteger(Int(Int64(littleEndian: $0))) })
      case .bool:
        return .integers(load(raw, as: UInt8.self, count) { SymbolicInteger($0 == 0 ? 0 : 1) })
      }
    }
  }

  /// IEEE 754's half precision.
  private static func half(_ bits: UInt16) -> Float {
    let (exponent, fraction) = (bits >> 10 & 0x1F, Float(bits & 0x3FF))
    let magnitude: Float =
      switch exponent {
      case 0: fraction * 0x1p-24
      case 31: fraction == 0 ? .infinity : .nan
      default: Float(sign: .plus, exponent: Int(exponent) - 25, significand: 1024 + fraction)
      }
    return bits >> 15 == 0 ? magnitude : -magnitude
  }

  /// The upper half of a float32.
  private static func brain(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  private static func load<Stored: BitwiseCopyable, Element>(
    _ raw: UnsafeRawBufferPointer, as type: Stored.Type, _ count: Int,
    _ convert: (Stored) -> Element
  ) -> [Element] {
    [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      for index in 0..<count {
        let offset = index * MemoryLayout<Stored>.stride
        buffer.initializeElement(
          at: index, to: convert(raw.loadUnaligned(fromByteOffset: offset, as: type)))
      }
      initialized = count
    }
  }
}
