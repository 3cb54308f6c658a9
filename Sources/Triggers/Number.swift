/// Reads the numbers in a trigger's string.
enum Number {
  /// - Parameter name: what the number is, for the error.
  /// - Throws: `Flaw` unless `text` is decimal digits alone and the number in `range`.
  static func read(
    _ text: some StringProtocol, _ name: String, in range: ClosedRange<Int>
  ) throws(Flaw) -> Int {
    // Int alone would also take a sign.
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw Flaw(rule: "\(name) \"\(text)\" is not a number; decimal digits are needed")
    }
    guard let value = Int(text), range.contains(value) else {
      throw Flaw(rule: "\(name) \(text) is not in \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// The parts of a string with `count` parts between colons.
  ///
  /// - Parameter form: what the whole string should look like, for the error.
  static func list(_ text: String, _ count: Int, form: String) throws(Flaw) -> [Substring] {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == count else { throw Flaw(rule: "\(form) is needed") }
    return parts
  }
}
