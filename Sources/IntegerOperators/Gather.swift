import CupelModelFormat

/// Elements of one axis picked by constant indices, in any order and number, on an unchanged grid:
/// element i along the axis is the input's element indices[i].
public struct Gather<Storage: ConstantStorage>: ConstantOperator {
  public static var code: UInt8 { 23 }
  public static var name: StaticString { "gather" }
  public static var minorVersion: UInt16 { 4 }
  /// Bytes of an index.
  package static var indexSize: Int { 4 }

  /// 0 height, 1 width, 2 channels.
  public var axis: Int
  /// Four bytes an index, the lowest first: an int32.
  public var bytes: Storage.Bytes

  package init(axis: Int, bytes: Storage.Bytes) {
    self.axis = axis
    self.bytes = bytes
  }

  package init() { self.init(axis: 0, bytes: Storage.noBytes) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    coder.axis(&axis)
    coder.elements(&bytes)
  }

  /// Of an axis that is none, as many as of channels: whoever judges the axis refuses it.
  package func elementCount(output: Extent) -> Int? {
    let count = axis == 0 ? output.height : axis == 1 ? output.width : output.channels
    return count.multipliedReportingOverflow(by: Self.indexSize).partialValue
  }
}

extension Gather: Sendable where Storage: SendableStorage {}

extension Gather where Storage == InFile {
  private func index(_ position: Int) -> Int {
    UnsafeRawPointer(bytes).number(position &* Self.indexSize)
  }
}

extension Gather: RunnableOperator, ElementOperator, ShapeOperator where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    try context.checkGrid(of: input)
    try context.demand(axis < 3, .axis, at: context.record.offset &+ Layout.Operation.axis)
    for other in 0..<3 where other != axis {
      try context.demand(input[axis: other] == output[axis: other], .outputExtent)
    }
    let (place, size) = (ConstantPlaces.values, ConstantPlaces.size)
    let count = Int64(output[axis: axis]) &* Int64(Self.indexSize)
    try context.demand(
      Int64(context.record.parameter(size)) == count, .constantPlace, parameter: size)
    try context.checkPlace(place, count: count, alignment: Layout.alignment)
    for position in 0..<output[axis: axis] {
      try context.demand(
        (0..<input[axis: axis]).contains(index(position)), .gather,
        at: context.record.parameter(place) &+ position &* Self.indexSize)
    }
  }

  /// Input [H][W][C] of `extent`, output as it but for the axis, not overlapping.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    // [before][axis][run] of both.
    let run = extent.stride(axis: axis)
    let (from, count) =
      axis == 0
      ? (extent.height, to.height)
      : axis == 1
        ? (extent.width, to.width) : (extent.channels, to.channels)
    var target = output
    for block in 0..<to.elementCount / (count &* run) {
      let source = input + block &* from &* run
      for position in 0..<count {
        target.update(from: source + index(position) &* run, count: run)
        target += run
      }
    }
  }
}
