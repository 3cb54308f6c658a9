import CCupelZlib

/// Inflates data of which nothing is known.
enum Gzip {
  static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// Inflates `bytes` until `limit` bytes came out or all is inflated and, in gzip data (RFC 1952),
  /// its checksum verified, whichever is first. Members of gzip data that follow one another make up
  /// one content, as in `gzip -d`.
  ///
  /// Memory grows with what comes out, in steps, and never beyond `limit`: what the data's own
  /// header says of its size plays no part.
  ///
  /// - Parameters:
  ///   - isRaw: whether the data are deflated without header or trailer; nothing may follow them.
  ///   - path: for messages.
  /// - Throws: `DatasetError` with a place in the compressed data, where they are corrupt or end too
  ///   early or too late.
  static func inflate(
    _ bytes: ArraySlice<UInt8>, isRaw: Bool = false, limit: Int, path: String
  ) throws(DatasetError) -> [UInt8] {
    guard let stream = InflateStream(isRaw ? .none : .gzip) else {
      throw DatasetError(path: path, offset: 0, rule: "zlib cannot start: too little memory")
    }
    var output: [UInt8] = []
    var offset = bytes.startIndex
    var step = [UInt8](repeating: 0, count: 1 << 16)
    while output.count < limit {
      let progress = stream.inflate(bytes[offset...], into: &step, atMost: limit - output.count)
      offset += progress.consumed
      output += step[..<progress.produced]
      let rule: String
      switch progress.status {
      case Z_OK where progress.consumed + progress.produced > 0: continue
      case Z_STREAM_END where offset == bytes.endIndex: return output
      case Z_STREAM_END where !isRaw:
        stream.reset()
        continue
      case Z_STREAM_END: rule = "data behind the compressed ones"
      case Z_OK, Z_BUF_ERROR: rule = "the compressed data end too early"
      case Z_MEM_ERROR: rule = "there is too little memory to inflate them"
      default: rule = "the compressed data are corrupt: \(stream.reason)"
      }
      throw DatasetError(path: path, offset: offset, rule: rule)
    }
    return output
  }
}
