import CupelModelFormat
import Testing

/// Digests published by NIST: FIPS 180-4's examples and the SHA test vectors for long messages.
@Suite struct SHA256Tests {
  private func digest(_ pieces: [[UInt8]]) -> String {
    var hash = SHA256()
    for piece in pieces { piece.withUnsafeBytes { hash.update($0) } }
    let words = hash.finish()
    return words.indices.map { index in
      let hexadecimal = String(words[index], radix: 16)
      return String(repeating: "0", count: 8 - hexadecimal.count) + hexadecimal
    }.joined()
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
  ])
  func publishedVectors(message: String, expected: String) {
    #expect(digest([Array(message.utf8)]) == expected)
  }

  @Test func aMillionTimesA() {
    let thousand = [UInt8](repeating: 0x61, count: 1000)
    #expect(
      digest(Array(repeating: thousand, count: 1000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  /// Lengths round the block size, cut in two at every place.
  @Test func piecesDoNotMatter() {
    for length in [1, 55, 56, 63, 64, 65, 119, 128, 130] {
      let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + length) }
      let whole = digest([message])
      for cut in 0...length {
        #expect(digest([Array(message[..<cut]), Array(message[cut...])]) == whole)
      }
    }
  }

  @Test func zerosAreBytes() {
    var hash = SHA256()
    hash.update(zeros: 70)
    let words = hash.finish()
    var other = SHA256()
    [UInt8](repeating: 0, count: 70).withUnsafeBytes { other.update($0) }
    let expected = other.finish()
    #expect(words.indices.allSatisfy { words[$0] == expected[$0] })
  }
}
