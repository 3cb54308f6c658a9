import CupelOnnxSchema
import Foundation

/// An initializer of small integers, read element by element where it lies: quantized weights
/// would take many times the file's size as constants of shape arithmetic.
struct OnnxIntegerTensor {
  /// ONNX's numbers of the element types that quantized values have.
  enum ElementType: Int32 {
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case uint4 = 21
    case int4 = 22

    var bits: Int {
      switch self {
      case .uint4, .int4: 4
      case .uint8, .int8: 8
      case .int32: 32
      }
    }

    /// All values of the type.
    var range: ClosedRange<Int> {
      let low = -(1 << (bits - 1)) + offset
      return low...(low + (1 << bits) - 1)
    }

    /// What is taken off a value to make it one of the signed type of as many bits.
    var offset: Int {
      switch self {
      case .uint4: 8
      case .uint8: 128
      case .int4, .int8, .int32: 0
      }
    }
  }

  let name: String
  let type: ElementType
  let dimensions: [Int]
  let count: Int
  private let tensor: OnnxTensor

  /// - Throws: `ImportError.invalidTensor`.
  init(_ tensor: OnnxTensor, name: String) throws(ImportError) {
    func fail(_ rule: String) -> ImportError { .invalidTensor(name: name, rule: rule) }
    guard !tensor.isExternal else {
      throw fail(
        "its data lies in another file, which only initializers of a model read from a file may; "
          + "save the model with its weights inside")
    }
    guard let type = ElementType(rawValue: tensor.elementType) else {
      throw fail(
        "its elements are \(OnnxTensorReader.typeName(tensor.elementType)); weights and activations "
          + "of 4 and 8 bits and biases of int32 are read: quantize the model to 8 bits")
    }
    guard tensor.dimensions.count <= OnnxConstant.maximumRank else {
      throw fail("has \(tensor.dimensions.count) axes")
    }
    let dimensions = tensor.dimensions.map { Int($0) }
    guard let count = OnnxConstant.elementCount(dimensions) else {
      throw fail("shape \(dimensions) is not possible")
    }
    let bytes = type.bits == 4 ? count / 2 + count % 2 : count * (type.bits / 8)
    // Without raw bytes each field of 32 bits holds one element, or one packed pair.
    let present = tensor.raw.isEmpty ? tensor.integers32.count : tensor.raw.count
    let needed = tensor.raw.isEmpty ? (type.bits == 4 ? bytes : count) : bytes
    guard present == needed else {
      throw fail("shape \(dimensions) needs \(needed) bytes or fields, has \(present)")
    }
    (self.name, self.type, self.tensor) = (name, type, tensor)
    (self.dimensions, self.count) = (dimensions, count)
  }

  /// All elements in their order, as the file's type has them.
  func forEach(_ body: (Int, Int) -> Void) {
    if tensor.raw.isEmpty {
      for index in 0..<count {
        let field = Int(tensor.integers32[type.bits == 4 ? index / 2 : index])
        body(index, value(field, at: index))
      }
      return
    }
    tensor.raw.withUnsafeBytes { raw in
      for index in 0..<count {
        switch type {
        case .int32:
          let word = raw.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)
          body(index, Int(Int32(littleEndian: word)))
        case .uint4, .int4: body(index, value(Int(raw[index / 2]), at: index))
        case .uint8, .int8: body(index, value(Int(raw[index]), at: index))
        }
      }
    }
  }

  /// A field's low bits as a value of the type; of a packed pair the first lies in the low nibble.
  private func value(_ field: Int, at index: Int) -> Int {
    switch type {
    case .int32: return field
    case .uint8: return field & 0xFF
    case .int8: return Int(Int8(truncatingIfNeeded: field))
    case .uint4, .int4:
      let nibble = field >> (index % 2 == 0 ? 0 : 4) & 0xF
      return type == .uint4 || nibble < 8 ? nibble : nibble - 16
    }
  }

  /// The elements of a tensor that is small by its nature, such as zero points: 8 bytes each.
  func values(_ budget: inout ImportBudget) throws(ImportError) -> [Int] {
    guard budget.claim(count, size: MemoryLayout<Int>.stride) else {
      throw .invalidTensor(name: name, rule: "constants take more memory than the file may ask for")
    }
    var values = [Int](repeating: 0, count: count)
    forEach { values[$0] = $1 }
    return values
  }
}
