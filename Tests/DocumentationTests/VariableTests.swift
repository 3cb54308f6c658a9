import Foundation
import TestSupport
import Testing

/// CONTRIBUTING.md names every variable of the environment, and no other.
@Suite("Variables of the environment")
struct VariableTests {
  @Test("the table has what the code reads")
  func table() throws {
    let named = try Repository.text("CONTRIBUTING.md").split(separator: "\n")
      .filter { $0.hasPrefix("| `CUPEL_") }
      .map { String($0.dropFirst(3).prefix(while: Self.isName)) }
    var read: Set<String> = []
    for folder in ["Sources", "Tests", "tools", "firmware-sim", "Benchmarks/Sources"] {
      for file in try FileManager.default.subpathsOfDirectory(atPath: Repository.file(folder).path)
      where Self.isScript(file) {
        read.formUnion(try Self.variables(in: Repository.text("\(folder)/\(file)")))
      }
    }
    #expect(named == read.sorted(), "variables, in the order of the alphabet")
  }

  private static func isScript(_ file: String) -> Bool {
    let isHidden = file.hasPrefix(".") || file.contains("/.")
    return !isHidden && [".swift", ".sh", ".py"].contains { file.hasSuffix($0) }
  }

  /// Names as programs write them: in quotes in Swift and Python, behind a dollar in a shell.
  private static func variables(in text: String) -> Set<String> {
    let names = ["\"CUPEL_", "$CUPEL_", "${CUPEL_"].flatMap { start in
      text.components(separatedBy: start).dropFirst().map { $0.prefix(while: isName) }
    }
    return Set(names.filter { !$0.isEmpty }.map { "CUPEL_" + $0 })
  }

  private static func isName(_ character: Character) -> Bool {
    character.isASCII && (character.isUppercase || character.isNumber || character == "_")
  }
}
