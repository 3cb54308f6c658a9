import CCupelZlib

/// zlib's state, at an address that stays the same, since zlib keeps a pointer to it.
struct InflateStream: ~Copyable {
  private let state: UnsafeMutablePointer<z_stream>

  /// What stands around the deflated data.
  enum Wrapper {
    /// RFC 1952.
    case gzip
    /// RFC 1950.
    case zlib
    case none

    fileprivate func start(_ state: UnsafeMutablePointer<z_stream>) -> Int32 {
      switch self {
      case .gzip: czlib_inflate_init_gzip(state)
      case .zlib: czlib_inflate_init_zlib(state)
      case .none: czlib_inflate_init_raw(state)
      }
    }
  }

  /// nil where memory is short.
  init?(_ wrapper: Wrapper) {
    state = .allocate(capacity: 1)
    state.initialize(to: z_stream())
    guard wrapper.start(state) == Z_OK else {
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

  /// - Returns: zlib's status, how many bytes of the input it took, and how many it gave.
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
