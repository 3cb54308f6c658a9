extension DecodingError {
  /// What is wrong, and where in the document.
  package var rule: String {
    let context: Context
    var missing: String?
    switch self {
    case .keyNotFound(let key, let place):
      context = place
      missing = "'\(key.stringValue)' is missing"
    case .typeMismatch(_, let place), .valueNotFound(_, let place), .dataCorrupted(let place):
      context = place
    @unknown default: return "\(self)"
    }
    let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
      .joined(separator: ".")
    let rule = missing ?? context.debugDescription
    return path.isEmpty ? rule : "at \(path): \(rule)"
  }
}
