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
    guard let stream = InflateStream(isRaw: isRaw) else {
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

/// zlib's state, at an address that stays the same, since zlib keeps a pointer to it.
private struct InflateStream: ~Copyable {
  private let state: UnsafeMutablePointer<z_stream>

  /// nil where memory is short.
  init?(isRaw: Bool) {
    state = .allocate(capacity: 1)
    state.initialize(to: z_stream())
    guard (isRaw ? czlib_inflate_init_raw(state) : czlib_inflate_init_gzip(state)) == Z_OK else {
      state.deallocate()
      return nil
    }
  }

  deinit {
    inflateEnd(state)
    state.deallocate()
  }

  /// Forgets a member that has ended.
  func reset() { inflateReset(state) }

  /// What zlib says of the last error.
  var reason: String { state.pointee.msg.map { String(cString: $0) } ?? "no reason given" }

  func inflate(
    _ input: ArraySlice<UInt8>, into output: inout [UInt8], atMost limit: Int
  ) -> (status: Int32, consumed: Int, produced: Int) {
    // zlib counts in 32 bits, so that longer input takes several calls.
    let offered = min(input.count, 1 << 30)
    let room = min(output.count, limit)
    let status = input.withUnsafeBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        // zlib does not write to its input; the field only lacks its const.
        state.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        state.pointee.avail_in = UInt32(offered)
        state.pointee.next_out = target.baseAddress
        state.pointee.avail_out = UInt32(room)
        return CCupelZlib.inflate(state, Z_NO_FLUSH)
      }
    }
    return (
      status, offered - Int(state.pointee.avail_in), room - Int(state.pointee.avail_out)
    )
  }
}
