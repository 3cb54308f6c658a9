import CupelSupport

/// Arrays as NumPy reads them: format version 1.0, C order.
package enum NumpyFile {
  /// - Parameter bits: 16 for values of two bytes each, the lower first.
  package static func write(
    _ values: [Int8], bits: Int = 8, shape: [Int], to path: String
  ) throws(FileError) {
    var bytes = header(bits == 16 ? "<i2" : "|i1", shape)
    bytes += values.lazy.map(UInt8.init(bitPattern:))
    try AtomicFile.write(bytes, to: path)
  }

  package static func write(_ values: [Float], shape: [Int], to path: String) throws(FileError) {
    var bytes = header("<f4", shape)
    bytes.reserveCapacity(bytes.count + 4 * values.count)
    for value in values {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }
    try AtomicFile.write(bytes, to: path)
  }

  /// Magic, version, the length of what follows, and a dictionary filled up to a multiple of 64.
  private static func header(_ type: String, _ shape: [Int]) -> [UInt8] {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
    let fixed = 10
    let padding = 63 - (fixed + text.utf8.count) % 64
    let length = text.utf8.count + padding + 1
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
      + Array(text.utf8) + Array(repeating: 0x20, count: padding) + [0x0A]
  }
}
