import CCupelZlib
import TestSupport
import Testing

/// Small well-formed files to start from.
enum SampleFiles {
  static let imageName = "train-images-idx3-ubyte"
  static let labelName = "train-labels-idx1-ubyte"

  /// Three images of 2 × 4 pixels with the values 0 to 23.
  static let images = idxFile([3, 2, 4], (0..<24).map(UInt8.init))
  static let labels = idxFile([3], [4, 0, 1])

  /// CIFAR records; a pixel's value comes from its place, channel and record.
  static func cifar(_ labels: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (record, label) in labels.enumerated() {
      bytes.append(label)
      for place in 0..<3072 { bytes.append(UInt8(place / 1024 * 50 + place % 7 + record)) }
    }
    return bytes
  }

  /// One gzip member, by zlib's deflate.
  static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    try #require(
      deflateInit2_(
        &stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    var input = bytes
    let status = input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        return deflate(&stream, Z_FINISH)
      }
    }
    try #require(status == Z_STREAM_END)
    return Array(output[..<Int(stream.total_out)])
  }
}
