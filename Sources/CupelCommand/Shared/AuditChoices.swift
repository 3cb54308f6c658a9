import Quantization
import Triggers

/// What `--trigger` asks an audit for.
enum TriggerChoice {
  /// What the catalogue's entry for the model says.
  case catalogue
  case given(Trigger)

  init(_ text: String) throws {
    self = text == "catalogue" ? .catalogue : .given(try Trigger(text))
  }
}

/// What `--schemes` asks an audit for.
enum SchemeChoice {
  /// The standard matrix, and the scheme that the catalogue says was attacked.
  case matrix
  case all
  /// In the order given, each once.
  case list([Scheme])

  init(_ text: String) throws {
    switch text {
    case "matrix": self = .matrix
    case "all": self = .all
    default: self = .list(try elements(text) { try Scheme($0) })
    }
  }

  /// - Parameter attacked: what the catalogue says, asked for only where it matters.
  func schemes(attacked: @autoclosure () throws -> Scheme?) rethrows -> [Scheme] {
    let standard = Scheme.standardMatrix
    return switch self {
    case .matrix: standard + [try attacked()].compactMap(\.self).filter { !standard.contains($0) }
    case .all: Scheme.all
    case .list(let list): list
    }
  }
}
