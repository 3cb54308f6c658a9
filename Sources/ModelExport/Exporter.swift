import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

/// What exporters have in common: a program of which they write one operation after another.
protocol Exporter {
  /// What operators of the file read and write.
  associatedtype Value
  var program: IntegerProgram { get }
  /// Index of the operation that is being written.
  var index: Int { get }
  var notes: [ExportNote] { get set }

  /// A tensor with all its axes.
  mutating func image(_ tensor: Int) -> Value
}

extension Exporter {
  /// The one that is being written.
  var operation: IntegerOperation { program.operations[index] }
  /// The tensor that it reads first.
  var input: IntegerTensor { program.tensors[operation.inputs[0]] }
  /// The tensor that it writes.
  var output: IntegerTensor { program.tensors[operation.output] }

  /// What it reads first.
  mutating func image() -> Value { image(operation.inputs[0]) }

  mutating func images() -> [Value] { operation.inputs.map { image($0) } }

  /// - Parameter subject: nil for nothing.
  mutating func note(_ subject: ExportNote.Subject?) {
    guard let subject else { return }
    notes.append(ExportNote(operation: operation.name, subject: subject))
  }

  func failure(_ reason: String) -> ExportError { .operation(name: operation.name, reason) }
}

/// What limits its results, on the output's grid.
protocol Bounded {
  var low: Int16 { get }
  var high: Int16 { get }
}

extension Bounds: Bounded {}
extension Clamp: Bounded {}
extension Rescale: Bounded {}
extension SumScales: Bounded {}
extension Weights: Bounded {}
