import IntegerOperators
import ModelFormat

extension SHA256 {
  /// Lower-case hexadecimal SHA-256 of some bytes.
  public static func hex(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hex($0) } }

  /// Lower-case hexadecimal SHA-256 of some bytes.
  public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bytes)
    let words = hash.finish()
    var text = ""
    for index in 0..<8 {
      let digits = String(words[index], radix: 16)
      text += String(repeating: "0", count: 8 - digits.count) + digits
    }
    return text
  }
}
