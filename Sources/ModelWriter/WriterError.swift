import CupelModelFormat

/// Why a program cannot be written as a `.cupel` file.
public enum WriterError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Something about the program as a whole.
  case program(String)
  /// Something about the tensor of an index.
  case tensor(Int, name: String, String)
  /// Something about the operation of an index.
  case operation(Int, name: String, String)
  /// Something about a metadata entry.
  case metadata(key: String, String)

  public var description: String {
    switch self {
    case .program(let reason): "the program cannot be written: \(reason)"
    case .tensor(let index, let name, let reason): "tensor \(index) (\(name)): \(reason)"
    case .operation(let index, let name, let reason): "operation \(index) (\(name)): \(reason)"
    case .metadata(let key, let reason): "metadata \(key): \(reason)"
    }
  }

  /// A rule that the finished file turned out to break, told in the program's own names.
  init(_ error: FormatError, in program: IntegerProgram, sortedKeys: [String]) {
    let reason = String(describing: error.rule.text)
    switch error.record {
    case .header: self = .program(reason)
    case .tensor(let index): self = .tensor(index, name: program.tensors[index].name, reason)
    case .operation(let index):
      self = .operation(index, name: program.operations[index].name, reason)
    case .metadata(let index): self = .metadata(key: sortedKeys[index], reason)
    }
  }
}

extension FormatRecord: CustomStringConvertible {
  public var description: String {
    switch self {
    case .header: "header"
    case .tensor(let index): "tensor \(index)"
    case .operation(let index): "operation \(index)"
    case .metadata(let index): "metadata \(index)"
    }
  }
}

extension FormatError: CustomStringConvertible {
  public var description: String {
    "not a valid .cupel file: \(record), byte \(offset): \(rule.text) "
      + "(rule \(rule.rawValue), \(rule))"
  }
}
