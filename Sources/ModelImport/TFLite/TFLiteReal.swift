import CupelTFLiteSchema

/// The real numbers that a constant stands for.
enum TFLiteReal {
  static func values(
    _ tensor: TFLiteModel.Tensor, _ bytes: ArraySlice<UInt8>, count: Int, _ node: TFLiteNode
  ) throws(ImportError) -> [Float] {
    switch tensor.type {
    case .float32: return singles(bytes, count: count)
    case .float16:
      return bytes.withUnsafeBytes { raw in
        (0..<count).map { half(raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) }
      }
    default: return try dequantized(tensor, bytes, count: count, node)
    }
  }

  /// - Parameter bytes: four for each.
  static func singles(_ bytes: ArraySlice<UInt8>, count: Int) -> [Float] {
    bytes.withUnsafeBytes { raw in (0..<count).map { Float(bitPattern: word(raw, 4 * $0)) } }
  }

  private static func word(_ raw: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
    UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// IEEE 754 binary16, by the exponent's change of bias; subnormal numbers count units of 2⁻²⁴.
  static func half(_ stored: UInt16) -> Float {
    let bits = UInt16(littleEndian: stored)
    let sign: Float = bits >> 15 == 1 ? -1 : 1
    let exponent = UInt32(bits >> 10 & 31)
    let fraction = UInt32(bits & 1023)
    switch exponent {
    case 0: return sign * Float(fraction) * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * Float(bitPattern: (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// Two values a byte, the first in the low nibble, without gaps.
  static func int4(_ bytes: ArraySlice<UInt8>, _ index: Int) -> Int8 {
    let pair = Int8(bitPattern: bytes[bytes.startIndex + index / 2])
    // Arithmetic shifts extend the nibble's sign.
    return index % 2 == 0 ? (pair << 4) >> 4 : pair >> 4
  }

  /// scale · q, with a scale for each block of the last axis.
  private static func dequantized(
    _ tensor: TFLiteModel.Tensor, in blocks: TFLiteModel.Tensor.Blocks, _ bytes: ArraySlice<UInt8>,
    count: Int, _ node: TFLiteNode
  ) throws(ImportError) -> [Float] {
    guard let extent = tensor.shape.last, blocks.size >= 1, extent.isMultiple(of: blocks.size),
      node.model.tensors.indices.contains(blocks.scales)
    else { throw node.error("blocks of \(blocks.size) elements of a constant of \(tensor.shape)") }
    try node.support(blocks.zeroPoints < 0, "a constant whose blocks have zero points")
    try node.support(tensor.type == .int4 || tensor.type == .int8, "blocks of another type")
    let (held, stored, found) = try node.data(
      of: blocks.scales, type: [.float16, .float32], what: "scales of blocks")
    try node.require(
      found == count / blocks.size, "\(found) scales for \(count / blocks.size) blocks")
    let scales = try values(held, stored, count: found, node)
    let start = bytes.startIndex
    return (0..<count).map { index in
      let integer =
        tensor.type == .int4 ? int4(bytes, index) : Int8(bitPattern: bytes[start + index])
      return scales[index / blocks.size] * Float(integer)
    }
  }

  /// scale · (q − zero point), with one scale or one a channel.
  private static func dequantized(
    _ tensor: TFLiteModel.Tensor, _ bytes: ArraySlice<UInt8>, count: Int, _ node: TFLiteNode
  ) throws(ImportError) -> [Float] {
    if let blocks = tensor.blocks {
      return try dequantized(tensor, in: blocks, bytes, count: count, node)
    }
    let shape = tensor.shape
    let axis = tensor.quantizedDimension
    let channels = tensor.scales.count
    guard !tensor.hasQuantizationDetails, channels >= 1,
      tensor.zeroPoints.isEmpty || tensor.zeroPoints.count == channels,
      channels == 1 || (shape.indices.contains(axis) && shape[axis] == channels),
      tensor.zeroPoints.allSatisfy({ (tensor.type == .uint8 ? 0...255 : -128...127).contains($0) })
    else { throw node.error("a constant whose scales do not fit its shape") }
    // Elements from one index along the axis to the next.
    let stride = channels == 1 ? 1 : shape[(axis + 1)...].reduce(1, *)
    let start = bytes.startIndex
    return (0..<count).map { index in
      let channel = channels == 1 ? 0 : index / stride % channels
      let zero = tensor.zeroPoints.isEmpty ? 0 : Int(tensor.zeroPoints[channel])
      let integer =
        switch tensor.type {
        case .int4: Int(int4(bytes, index))
        case .uint8: Int(bytes[start + index])
        default: Int(Int8(bitPattern: bytes[start + index]))
        }
      return tensor.scales[channel] * Float(integer - zero)
    }
  }
}
