/// Finds out whether elements of an HTML page are closed in their order, and what it refers to.
struct MarkupCheck {
  private(set) var errors: [String] = []
  private(set) var ids: Set<String> = []
  /// Values of `src`, `href` and the like.
  private(set) var references: [String] = []
  /// Text between tags, as written.
  private(set) var text = ""
  private(set) var tags: [String: Int] = [:]

  private static let void: Set = ["meta", "link", "img", "br"]

  init(_ page: String) {
    var open: [String] = []
    var rest = Substring(page)
    while let start = rest.firstIndex(of: "<") {
      text += rest[..<start]
      rest = rest[rest.index(after: start)...]
      guard let end = rest.firstIndex(of: ">") else {
        errors.append("a tag does not end")
        return
      }
      let tag = rest[..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("!") { continue }
      if tag.hasPrefix("/") {
        let name = String(tag.dropFirst())
        if open.popLast() != name { errors.append("</\(name)> closes nothing") }
        continue
      }
      let name = String(tag.prefix { $0 != " " && $0 != "/" && $0 != "\n" })
      tags[name, default: 0] += 1
      read(attributes: tag.dropFirst(name.count))
      if Self.void.contains(name) || tag.hasSuffix("/") { continue }
      open.append(name)
      if name == "style", let end = rest.range(of: "</style>") {
        rest = rest[end.lowerBound...]
      }
    }
    text += rest
    errors += open.map { "<\($0)> is not closed" }
  }

  private mutating func read(attributes: Substring) {
    let pieces = attributes.split(separator: "\"", omittingEmptySubsequences: false)
    if pieces.count % 2 == 0 { errors.append("a quote does not end: \(attributes.prefix(60))") }
    for index in stride(from: 0, to: pieces.count - 1, by: 2) {
      let name = pieces[index].split(separator: " ").last.map { $0.dropLast() } ?? ""
      let value = String(pieces[index + 1])
      if name.hasPrefix("on") { errors.append("a handler \(name)") }
      if name == "id", !ids.insert(value).inserted { errors.append("id \(value) twice") }
      if ["src", "href", "xlink:href", "action", "style"].contains(name) {
        references.append(value)
      }
    }
  }
}
