#if _endian(big)
  #error("A .cupel file is executed in place, and its numbers are little-endian.")
#endif

/// Loads at byte offsets that the caller has checked to lie inside the file.
///
/// Numbers come back signed: one beyond 2³¹ − 1 reads as negative, on 32-bit machines too, and
/// the validator's range checks meet it there.
extension UnsafeRawPointer {
  @inline(__always)
  package func word(_ offset: Int) -> UInt32 {
    loadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  @inline(__always)
  package func number(_ offset: Int) -> Int {
    Int(loadUnaligned(fromByteOffset: offset, as: Int32.self))
  }

  @inline(__always)
  package func half(_ offset: Int) -> UInt16 {
    loadUnaligned(fromByteOffset: offset, as: UInt16.self)
  }

  @inline(__always)
  package func byte(_ offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }

  @inline(__always)
  package func signedByte(_ offset: Int) -> Int8 { load(fromByteOffset: offset, as: Int8.self) }
}
