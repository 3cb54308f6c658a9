import Foundation
import TestSupport
import Testing

/// Code in guides is that of programs which are built and run.
@Suite("Code in guides")
struct GuideTests {
  /// Texts of all files below a folder whose names end so.
  private static func texts(in folder: String, ending suffix: String) throws -> [String: String] {
    let root = Repository.file(folder)
    // A folder that SwiftPM has built in holds sources that are not its own.
    let names = try FileManager.default.subpathsOfDirectory(atPath: root.path)
      .filter { $0.hasSuffix(suffix) && !$0.contains(".build") }
    return try Dictionary(
      uniqueKeysWithValues: names.map {
        ($0, try String(contentsOf: root.appendingPathComponent($0), encoding: .utf8))
      })
  }

  /// The Swift code of a page, each block without its fences.
  private static func blocks(_ page: String) -> [String] {
    page.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "\n```")[0]
    }
  }

  @Test("guides show what runs")
  func guidesShowWhatRuns() throws {
    let programs = try Self.texts(in: "Snippets", ending: ".swift").values
    let pages = try Self.texts(in: "Sources/Cupel/Cupel.docc", ending: ".md")
    var count = 0
    for (name, page) in pages {
      for block in Self.blocks(page) {
        count += 1
        #expect(
          programs.contains { $0.contains(block + "\n") },
          "\(name): no snippet holds these lines:\n\(block)")
      }
    }
    #expect(count >= 5, "the pages' code was not found")
  }

  @Test("the README shows the example")
  func readmeShowsTheExample() throws {
    let programs = try Self.texts(in: "Examples", ending: ".swift").values
    let blocks = try Self.blocks(Repository.text("README.md"))
    #expect(!blocks.isEmpty)
    for block in blocks {
      #expect(programs.contains { $0.contains(block + "\n") }, "no example holds:\n\(block)")
    }
  }

  /// The example's promise: what the library needs, in a screenful.
  @Test("the example is short")
  func exampleIsShort() throws {
    let programs = try Self.texts(in: "Examples/AuditAndPurify/Sources", ending: ".swift").values
    #expect(programs.count == 1)
    for text in programs { #expect(text.count { $0 == "\n" } <= 40) }
  }

  @Test("snippets say what they show")
  func snippetsSayWhatTheyShow() throws {
    let snippets = try Self.texts(in: "Snippets", ending: ".swift")
    #expect(snippets.count >= 8)
    for (name, text) in snippets {
      #expect(text.hasPrefix("//! "), "\(name) does not begin with what it shows")
      #expect(text.contains("precondition"), "\(name) ends well whatever comes out")
    }
  }
}
