import CupelSupport
import Testing

@Suite("Text for a terminal") struct PrintableTests {
  /// Escapes, line breaks and marks that turn the direction of text cannot reach a terminal.
  @Test(arguments: [
    ("plain ümlaut 漢字", "plain ümlaut 漢字"), ("a\u{1B}[2Jb", "a\u{FFFD}[2Jb"),
    ("a\nb", "a\u{FFFD}b"),
    ("a\u{202E}b", "a\u{FFFD}b"), ("a\u{2028}b", "a\u{FFFD}b"), ("a\u{9B}b", "a\u{FFFD}b"),
    ("", ""),
  ])
  func replacesWhatIsNotText(_ text: String, _ expected: String) {
    #expect(printable(text) == expected)
  }

  @Test func isBounded() {
    #expect(printable("abcd", limit: 4) == "abcd")
    #expect(printable("abcde", limit: 4) == "abcd…")
    #expect(printable(String(repeating: "x", count: 1000)).count == 81)
  }
}
