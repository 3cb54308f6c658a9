import CupelIntegerOperators
import CupelModelFormat

extension SHA256 {
  /// Lower-case hexadecimal SHA-256 of some bytes.
  public static func hex(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hex($0) } }

  /// Lower-case hexadecimal SHA-256 of some bytes.
  public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hex(hash)
  }

  /// Lower-case hexadecimal SHA-256 of what a digest has taken.
  public static func hex(_ hash: consuming SHA256) -> String {
    let words = hash.finish()
    return words.indices.map { index in
      let digits = String(words[index], radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }
}
