import CupelIntegerOperators
import CupelModelWriter

/// A tensor of a program, seen as a row-major array of any number of axes.
///
/// Programs have three axes. An operation on more works on a view in which neighbouring axes that
/// it treats alike are one: giving elements that view is a reshape, which keeps their order.
public struct ArrayView: Sendable, Equatable {
  /// Index into the program's tensors.
  public var tensor: Int
  /// 1 or more each; their product is the tensor's number of elements.
  public var shape: [Int]
  /// What tensors on the way from it are called.
  public var name: String

  /// - Parameters: as the properties.
  public init(_ tensor: Int, shape: [Int], name: String) {
    (self.tensor, self.shape, self.name) = (tensor, shape, name)
  }
}

/// The last operation of a chain, which is not in the program yet: who asked for the chain says what
/// its output is called and on which grid it lies.
public struct LastOperation: Sendable, Equatable {
  /// What it computes.
  public var kind: IntegerOperation.Kind
  /// Indices of the tensors that it reads.
  public var inputs: [Int]
  /// Height, width and channels of what it gives: row-major, the elements of the array asked for.
  public var extent: [Int]

  /// - Parameters: as the properties.
  public init(_ kind: IntegerOperation.Kind, _ inputs: [Int], extent: [Int]) {
    (self.kind, self.inputs, self.extent) = (kind, inputs, extent)
  }
}

extension ProgramBuilder {
  /// A tensor under another extent of as many elements; the tensor itself where it has that.
  public mutating func viewed(_ tensor: Int, as extent: [Int], named name: String) -> Int {
    guard self[tensor].extent != extent else { return tensor }
    return append(LastOperation(.reshape(.init()), [tensor], extent: extent), named: name)
  }

  /// Appends the operation, which leaves the grid of its first input as it is.
  public mutating func append(_ last: LastOperation, named name: String) -> Int {
    append(
      name, last.kind, last.inputs,
      giving: IntegerTensor(name: name, extent: last.extent, grid: self[last.inputs[0]].grid))
  }

  /// The array that the operation gives, which it appends: none where it would only copy.
  public mutating func array(
    _ last: LastOperation, shape: [Int], named name: String
  ) -> ArrayView {
    let source = last.inputs[0]
    if case .reshape = last.kind, self[source].extent == last.extent {
      return ArrayView(source, shape: shape, name: name)
    }
    return ArrayView(append(last, named: name), shape: shape, name: name)
  }

  /// Which axes of a shape each axis of an extent is made of; nil for an extent that cuts through
  /// an axis.
  static func groups(of shape: [Int], as extent: [Int]) -> [Range<Int>]? {
    var groups: [Range<Int>] = []
    var end = shape.count
    for wanted in extent.dropFirst().reversed() {
      var start = end
      var count = 1
      while start > 0, start == end || count < wanted, count * shape[start - 1] <= wanted {
        start -= 1
        count *= shape[start]
      }
      guard count == wanted else { return nil }
      groups.insert(start..<end, at: 0)
      end = start
    }
    guard shape[..<end].reduce(1, *) == extent[0] else { return nil }
    return [0..<end] + groups
  }
}
