import TestSupport

/// The blocks of worked numbers in `docs/arithmetic.md`: fenced, with `worked` and a subject.
struct WorkedNumbers {
  struct Block {
    var subject: String
    /// Words of each line; lines that begin with # are comments.
    var lines: [[String]]
  }

  var blocks: [Block] = []

  init() throws {
    let text = try Repository.text("docs/arithmetic.md")
    var isInside = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split(separator: " ").map(String.init)
      if words.first == "```worked" {
        blocks.append(Block(subject: words[1], lines: []))
        isInside = true
      } else if line.hasPrefix("```") {
        isInside = false
      } else if isInside, let first = words.first, first != "#" {
        blocks[blocks.count - 1].lines.append(words)
      }
    }
  }
}

extension WorkedNumbers.Block {
  /// The numbers of a line that begins with `key`.
  func numbers(_ key: String) -> [Int]? {
    lines.first { $0[0] == key }?.dropFirst().map(number)
  }

  func words(_ key: String) -> [String]? {
    lines.first { $0[0] == key }.map { Array($0.dropFirst()) }
  }

  func word(_ key: String) -> String? { words(key)?.first }
}

/// Decimal or 0x hexadecimal; a word that is neither becomes a number that no test expects.
func number(_ word: String) -> Int {
  let value = word.hasPrefix("0x") ? Int(word.dropFirst(2), radix: 16) : Int(word)
  return value ?? Int.min
}
