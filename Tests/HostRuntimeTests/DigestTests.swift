import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import Testing

@Suite struct DigestTests {
  /// The empty message and two examples of FIPS 180-2. The last digest's fourth word, 0c3e6039,
  /// begins with a zero, which must not be lost.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func hexadecimalIsPaddedAndLowerCase(_ text: String, _ digest: String) {
    #expect(SHA256.hex(Array(text.utf8)) == digest)
  }
}
