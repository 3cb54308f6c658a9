/// Bytes at an address divisible by 64, owned for as long as the object lives.
///
/// Unchecked: a file's bytes never change after `init`, and an arena is lent to one thread at a
/// time.
final class AlignedBytes: @unchecked Sendable {
  let mutableBytes: UnsafeMutableRawBufferPointer

  init(count: Int) { mutableBytes = .allocate(byteCount: max(count, 1), alignment: 64) }

  convenience init(_ bytes: [UInt8]) {
    self.init(count: bytes.count)
    mutableBytes.copyBytes(from: bytes)
    length = bytes.count
  }

  deinit { mutableBytes.deallocate() }

  /// Bytes of a file; an empty file still has an address.
  private var length: Int?

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: mutableBytes[0..<(length ?? mutableBytes.count)])
  }
}
