import Testing

/// A command line that is to fail, the status it must end with, and words that its message must
/// hold.
struct FailureCase: Sendable, CustomTestStringConvertible {
  var arguments: [String]
  var status: Int32
  var words: [String]

  init(_ arguments: String, _ status: Int32, _ words: String...) {
    self.arguments = arguments.split(separator: " ").map { $0 == "''" ? "" : String($0) }
    self.status = status
    self.words = words
  }

  var testDescription: String { arguments.joined(separator: " ") }

  /// - Parameter workspace: where it runs. `MODELS/` at the start of an argument stands for the
  ///   specimens' folder.
  func check(in workspace: Workspace) throws {
    let full = arguments.map { argument in
      argument.hasPrefix("MODELS/") ? Specimens.folder + argument.dropFirst(6) : argument
    }
    try workspace.fail(full, status: status, words)
  }
}
