import Foundation
import TestSupport
import Testing

/// Every public declaration of the library has a documentation comment.
@Suite("Public documentation", .startsProcesses)
struct PublicDocumentationTests {
  @Test("no declaration is without a comment")
  func everyDeclarationHasAComment() throws {
    let folder = try TemporaryFolder()
    try extract(into: folder.path)
    let graphs = try folder.contents().sorted { $0.key < $1.key }.map { file, bytes in
      (file: file, graph: try JSONDecoder().decode(SymbolGraph.self, from: Data(bytes ?? [])))
    }
    // A file holds a module's symbols, or those that it adds to another module's types.
    let modules = Dictionary(grouping: graphs) {
      String($0.file.prefix { $0 != "@" && $0 != "." })
    }.mapValues { $0.flatMap(\.graph.symbols) }
    #expect(modules.count > 15 && modules["Cupel"] != nil)
    for (module, symbols) in modules.sorted(by: { $0.key < $1.key }) {
      let bare = symbols.filter { $0.docComment == nil }
      #expect(bare.isEmpty, "\(module): \(bare.map(\.description).joined(separator: ", "))")
    }
  }

  /// Symbol graphs of the build that these tests belong to.
  private func extract(into folder: String) throws {
    let build = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let process = Process()
    process.executableURL = Repository.file("tools/symbol-graphs.sh")
    process.arguments = [folder, build.path]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }
}

/// What is needed of a file that `swift-symbolgraph-extract` writes.
private struct SymbolGraph: Decodable {
  var symbols: [Symbol]

  struct Symbol: Decodable, CustomStringConvertible {
    var pathComponents: [String]
    var docComment: Comment?

    var description: String { pathComponents.joined(separator: ".") }
  }

  struct Comment: Decodable {}
}
