import CupelIntegerBuilder
import CupelModelWriter

/// A float operator of a quantized model, waiting for the QuantizeLinear that says on which grid
/// its result lies.
struct PendingOperation {
  typealias Emission =
    (inout QuantizedOnnxConverter, PendingOperation, Target) throws(ImportError) -> Int

  /// Of the node, for the program's operation; given to it where it is bound.
  var name: String
  /// [C, H, W] or [F], which reshapes behind it do not change; nil where its tensor's says it.
  var shape: [Int]?
  /// Bounds in real units.
  var low = -Float.infinity
  var high = Float.infinity
  /// The layer that it is, where it is one and nothing else has been done to its result.
  var openLayer: QuantizedLayer?
  /// What constants do to an activation, where it is that and nothing else.
  var arithmetic: PendingArithmetic?
  private let sources: [Int]?
  private let emission: Emission

  /// - Parameters:
  ///   - sources: the tensors of whose values the result consists, each of them as it is; nil where it
  ///     is computed.
  ///   - emission: appends operations that give the result, within the bounds, on a grid. Returns
  ///     the tensor that holds it.
  init(_ name: String = "", moving sources: [Int]? = nil, emission: @escaping Emission) {
    self.name = name
    self.sources = sources
    self.emission = emission
  }

  /// A tensor's real values as they are.
  static func same(_ source: Int, name: String) -> PendingOperation {
    PendingOperation(name, moving: [source]) { converter, pending, target throws(ImportError) in
      try converter.bring(source, pending, to: target)
    }
  }

  /// What an operation of one tensor gives that only picks or places its values.
  ///
  /// - Parameter kind: on the tensor's grid.
  static func moving(
    _ sources: [Int], _ kind: @escaping (Grid) -> IntegerOperation.Kind
  ) -> PendingOperation {
    PendingOperation(moving: sources) { converter, pending, target throws(ImportError) in
      let grid = converter.builder[sources[0]].grid
      return try converter.move(kind(grid), sources, pending, to: target)
    }
  }

  /// Appends what computes the result on a grid. Returns the tensor that holds it.
  func emit(
    to target: Target, with converter: inout QuantizedOnnxConverter
  ) throws(ImportError) -> Int {
    try emission(&converter, self, target)
  }

  var isUnbounded: Bool { low == -.infinity && high == .infinity }

  func bounds(on grid: Grid) -> Bounds { grid.bounds(low: low, high: high) }

  /// The tensors of whose values the result consists; nil where it is computed or limited.
  var moved: [Int]? { isUnbounded ? sources : nil }

  /// The same, limited further.
  func clamped(low: Float, high: Float) -> PendingOperation {
    var result = self
    result.low = min(max(self.low, low), high)
    result.high = min(max(self.high, low), high)
    return result
  }
}

/// Where an operator's result goes.
struct Target {
  var grid: Grid
  /// [C, H, W] or [F].
  var shape: [Int]
  /// Of the tensor.
  var name: String
  /// Whether the file has int8 there, not uint8.
  var isSigned = false
}

/// A function that changes the order of no two classes: exact where its grid is that of an integer
/// operation, else understood as the graph's output only.
struct Ranking {
  typealias Emission = (inout QuantizedOnnxConverter, Target) throws(ImportError) -> Int?

  let source: Int
  /// Returns nil for a grid that no integer operation has.
  let emit: Emission
}
