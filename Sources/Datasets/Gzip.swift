import CZlib

/// Data that gzip (RFC 1952) does not allow.
struct GzipError: Error, Equatable {
  /// Where in the compressed data, in bytes.
  let offset: Int
  let rule: String
}

/// Inflates gzip data of which nothing is known.
enum Gzip {
  static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// Inflates `bytes` until `limit` bytes came out or all is inflated and its checksum verified,
  /// whichever is first. Members that follow one another make up one content, as in `gzip -d`.
  ///
  /// Memory grows with what comes out, in steps, and never beyond `limit`: what the data's own
  /// header says of its size plays no part.
  ///
  /// - Throws: `GzipError` where the data are corrupt or end too early.
  static func inflate(_ bytes: [UInt8], limit: Int) throws(GzipError) -> [UInt8] {
    let stream = try InflateStream()
    var output: [UInt8] = []
    var offset = 0
    var step = [UInt8](repeating: 0, count: 1 << 16)
    while output.count < limit {
      let progress = stream.inflate(
        bytes[offset...], into: &step, atMost: limit - output.count)
      offset += progress.consumed
      output += step[..<progress.produced]
      switch progress.status {
      case Z_OK where progress.consumed + progress.produced > 0:
        continue
      case Z_STREAM_END where offset == bytes.count:
        return output
      case Z_STREAM_END:
        stream.reset()
      case Z_OK, Z_BUF_ERROR:
        throw GzipError(offset: offset, rule: "the compressed data end too early")
      case Z_MEM_ERROR:
        throw GzipError(offset: offset, rule: "there is too little memory to inflate them")
      default:
        throw GzipError(offset: offset, rule: "the compressed data are corrupt: \(stream.reason)")
      }
    }
    return output
  }
}

extension Gzip {
  /// Inflates deflated data without header or trailer until `limit` bytes came out or all is
  /// inflated. Nothing may follow them.
  ///
  /// - Throws: `GzipError` where the data are corrupt, end too early or too late.
  static func inflateRaw(_ bytes: ArraySlice<UInt8>, limit: Int) throws(GzipError) -> [UInt8] {
    let stream = try InflateStream(isRaw: true)
    var output: [UInt8] = []
    var offset = bytes.startIndex
    var step = [UInt8](repeating: 0, count: 1 << 16)
    while output.count < limit {
      let progress = stream.inflate(
        bytes[offset...], into: &step, atMost: limit - output.count)
      offset += progress.consumed
      output += step[..<progress.produced]
      switch progress.status {
      case Z_OK where progress.consumed + progress.produced > 0: continue
      case Z_STREAM_END where offset == bytes.endIndex: return output
      case Z_STREAM_END: throw GzipError(offset: offset, rule: "data behind the compressed ones")
      case Z_OK, Z_BUF_ERROR:
        throw GzipError(offset: offset, rule: "the compressed data end too early")
      default:
        throw GzipError(
          offset: offset, rule: "the compressed data are corrupt: \(stream.reason)")
      }
    }
    return output
  }
}

/// zlib's state, at an address that stays the same, since zlib keeps a pointer to it.
private struct InflateStream: ~Copyable {
  private let state: UnsafeMutablePointer<z_stream>

  init(isRaw: Bool = false) throws(GzipError) {
    state = .allocate(capacity: 1)
    state.initialize(to: z_stream())
    guard (isRaw ? czlib_inflate_init_raw(state) : czlib_inflate_init_gzip(state)) == Z_OK else {
      state.deallocate()
      throw GzipError(offset: 0, rule: "zlib cannot start: too little memory")
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
        return CZlib.inflate(state, Z_NO_FLUSH)
      }
    }
    return (
      status, offered - Int(state.pointee.avail_in), room - Int(state.pointee.avail_out)
    )
  }
}
