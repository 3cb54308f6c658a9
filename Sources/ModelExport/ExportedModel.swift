import CupelIntegerOperators
import CupelModelWriter

/// A program in another format, and what the format could not take as it was.
public struct ExportedModel: Sendable, Equatable {
  /// The file.
  public var bytes: [UInt8]
  /// What stands in the file in another form, and what could not stand there at all.
  public var notes: [ExportNote]

  /// Whether the file computes other numbers than the program does.
  public var changesResults: Bool { notes.contains(where: \.changesResults) }
}

/// Something that the target format has no place for, and what stands there instead.
public struct ExportNote: Sendable, Equatable, CustomStringConvertible {
  /// What became of an operation.
  public enum Subject: Sendable, Equatable {
    /// Channels with a negative scale, whose weights and biases were negated. Of their weights
    /// `clamped` had no negative on the grid and were brought to its end: another network.
    case negatedChannels(Int, clamped: Int)
    /// An operation written as others, which give the same numbers.
    case rewritten(as: String)
    /// Of all possible accumulators, so many get a result that differs, by one unit.
    case rounding(differing: Int, of: Int)
    /// Of a function's 256 values, which the runtime works out itself, so many differ, by so many
    /// units at most.
    case values(differing: Int, by: Int)
    /// Some results may differ, which no count tells beforehand.
    case inexact(because: String)
  }

  /// Name of the operation.
  public var operation: String
  /// What became of it.
  public var subject: Subject

  /// A note on the operation of that name.
  public init(operation: String, subject: Subject) {
    self.operation = operation
    self.subject = subject
  }

  /// Whether the file computes other numbers than the program does.
  public var changesResults: Bool {
    switch subject {
    case .negatedChannels(_, let clamped): clamped > 0
    case .rewritten: false
    case .rounding, .values, .inexact: true
    }
  }

  public var description: String {
    switch subject {
    case .negatedChannels(let count, let clamped):
      "\(operation): \(count) channels with a negative scale, weights negated"
        + (clamped > 0 ? "; \(clamped) weights clamped" : "")
    case .rewritten(let form): "\(operation): written as \(form), which gives the same numbers"
    case .rounding(let differing, let total):
      "\(operation): \(differing) of \(total) possible accumulators are rounded to the other side"
    case .values(let differing, let most):
      "\(operation): \(differing) of its table's 256 values differ from those that the format's "
        + "runtime works out, by \(most) at most"
    case .inexact(let reason):
      "\(operation): some results may differ: \(reason)"
    }
  }
}

/// Why a program cannot be exported.
public enum ExportError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The reason that lies in the program as a whole.
  case program(String)
  /// The operation of that name, and why the format cannot hold it.
  case operation(name: String, String)

  public var description: String {
    switch self {
    case .program(let reason): "the model cannot be exported: \(reason)"
    case .operation(let name, let reason): "operation \(name): \(reason)"
    }
  }
}

extension IntegerOperation {
  /// Formats that have a form for its operator; not every operation is one that it can take. A table
  /// needs a function to be known by.
  package var exportFormats: [String] {
    let payload = kind.payload
    if let table = payload as? Lookup, table.function == nil { return [] }
    return [
      payload is any TFLiteExportable ? "`.tflite`" : nil,
      payload is any OnnxExportable ? "ONNX" : nil,
    ].compactMap(\.self)
  }
}
