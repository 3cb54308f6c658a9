/// SHA-256 as FIPS 180-4 defines it, fed piece by piece.
///
/// The integer core carries its own because firmware has no library to take it from. No heap: the
/// state is 112 bytes.
public struct SHA256 {
  private var state: InlineArray<8, UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  /// The block being filled, as big-endian words.
  private var block = InlineArray<16, UInt32>(repeating: 0)
  /// Bytes taken so far; the lowest six bits are the fill of `block`.
  private var length: UInt64 = 0

  /// A digest of nothing yet.
  public init() {}

  /// Takes the bytes that come next.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes { append(byte) }
  }

  /// `count` zero bytes, as if they had been passed to `update`.
  package mutating func update(zeros count: Int) { for _ in 0..<count { append(0) } }

  /// Pads and closes. The digest is eight big-endian words: byte i is
  /// `word[i / 4] >> (24 − 8 · (i % 4))`.
  public consuming func finish() -> InlineArray<8, UInt32> {
    let bits = length &* 8
    append(0x80)
    while length & 63 != 56 { append(0) }
    // Not by `stride`, of which firmware would get a copy.
    for byte in 0..<8 {
      append(UInt8(truncatingIfNeeded: bits >> UInt64(truncatingIfNeeded: 56 &- 8 &* byte)))
    }
    return state
  }

  @inline(__always)
  private mutating func append(_ byte: UInt8) {
    let fill = Int(truncatingIfNeeded: length & 63)
    block[fill >> 2] = block[fill >> 2] << 8 | UInt32(byte)
    length &+= 1
    if fill == 63 { compress() }
  }

  private mutating func compress() {
    // The message schedule rolls through the block itself: sixteen words back is all it needs.
    var w = block
    var s = state
    for round in 0..<64 {
      let slot = round & 15
      if round >= 16 {
        let early = w[(round &+ 1) & 15]
        let late = w[(round &+ 14) & 15]
        let sigma0 = Self.rotate(early, 7) ^ Self.rotate(early, 18) ^ (early >> 3)
        let sigma1 = Self.rotate(late, 17) ^ Self.rotate(late, 19) ^ (late >> 10)
        w[slot] = w[slot] &+ sigma0 &+ w[(round &+ 9) & 15] &+ sigma1
      }
      let sum1 = Self.rotate(s[4], 6) ^ Self.rotate(s[4], 11) ^ Self.rotate(s[4], 25)
      let choice = (s[4] & s[5]) ^ (~s[4] & s[6])
      let t1 = s[7] &+ sum1 &+ choice &+ Self.roundConstants[round] &+ w[slot]
      let sum0 = Self.rotate(s[0], 2) ^ Self.rotate(s[0], 13) ^ Self.rotate(s[0], 22)
      let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
      let t2 = sum0 &+ majority
      s = [t1 &+ t2, s[0], s[1], s[2], s[3] &+ t1, s[4], s[5], s[6]]
    }
    for index in 0..<8 { state[index] = state[index] &+ s[index] }
  }

  @inline(__always)
  private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value &>> count | value &<< (32 &- count)
  }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let roundConstants: InlineArray<64, UInt32> = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]
}
