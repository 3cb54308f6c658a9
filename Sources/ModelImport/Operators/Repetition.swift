import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Elements, or whole axes, several times.
extension OperatorRoom {
  static let repetition = OperatorRoom(
    TFLiteRow(
      .broadcastTo, mayComputeShapes: true, takesPlainIntegers: true,
      float: { try $0.repeatAxes() },
      integer: { try $0.repeatAxes() }),
    TFLiteRow(
      .tile, mayComputeShapes: true, takesPlainIntegers: true, float: { try $0.tile() },
      integer: { try $0.tile() }))
}

extension TFLiteFloatConverter {
  /// Only axes of one element become larger.
  fileprivate mutating func repeatAxes() throws(ImportError) {
    let input = try array()
    let shape = try axes(of: try node.output())
    guard shape.count >= input.shape.count else {
      throw node.error("\(input.shape) does not become \(shape)")
    }
    let ones = [Int](repeating: 1, count: shape.count - input.shape.count)
    let source = try viewed(input, as: ones + input.shape, "/aligned")
    for (own, wanted) in zip(source.shape, shape) where own != wanted && own != 1 {
      throw node.error("\(input.shape) does not become \(shape)")
    }
    try finish(
      try picked(source, zip(source.shape, shape).map { $0 == $1 ? nil : (0..<$1).map { _ in 0 } }))
  }

  fileprivate mutating func tile() throws(ImportError) {
    let input = try array()
    let shape = try axes(of: try node.output())
    let times = try node.integers(1, "how often each axis is repeated")
    try node.require(
      times.count == input.shape.count && shape.count == times.count
        && zip(times, zip(input.shape, shape)).allSatisfy {
          $1.1 % $1.0 == 0 && $0 == $1.1 / $1.0
        }, "\(times) times \(input.shape) is not \(shape)")
    try finish(
      try picked(
        input,
        zip(input.shape, shape).map { own, wanted in
          own == wanted ? nil : (0..<wanted).map { $0 % own }
        }))
  }
}

extension TFLiteIntegerConverter {
  /// Only axes of one element become larger.
  fileprivate mutating func repeatAxes() throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    if builder[input.tensor].elementCount == output.elementCount {
      return try finish(.reshape(.init()), [input.tensor], extent: builder[input.tensor].extent)
    }
    let shape = model.tensors[try node.output()].shape
    try finish(
      try node.built { () throws(BuildError) in try builder.broadcast(input, to: shape) })
  }

  fileprivate mutating func tile() throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    let shape = model.tensors[try node.output()].shape
    let times =
      try node.computesShape(1)
      ? zip(shape, input.shape).map { $0 / $1 }
      : try node.integers(1, "how often each axis is repeated")
    try node.require(
      times.count == input.shape.count && shape.count == times.count
        && zip(times, zip(input.shape, shape)).allSatisfy {
          $1.1 % $1.0 == 0 && $0 == $1.1 / $1.0
        }, "\(times) times \(input.shape) is not \(shape)")
    try enlarge(input, by: times, wholeAxes: true)
  }

  /// Repeats runs of elements axis by axis.
  ///
  /// - Parameter wholeAxes: whether an axis follows itself, or each of its elements does.
  mutating func enlarge(
    _ input: ArrayView, by factors: [Int], wholeAxes: Bool
  ) throws(ImportError) {
    var (tensor, shape) = (input.tensor, input.shape)
    for axis in shape.indices.reversed() where factors[axis] != 1 {
      let run = shape[(wholeAxes ? axis : axis + 1)...].reduce(1, *)
      // Counted so that of the last three axes the first is 0.
      let number = axis - shape.count + 3
      let name = { (base: String, step: String) in Self.derived(base, "/\(step)\(number)") }
      let cut = name(builder[tensor].name, "runs")
      let isCut = builder[tensor].extent == [builder[tensor].elementCount / run, 1, run]
      tensor = builder.repeatRuns(
        tensor, of: run, times: factors[axis],
        named: (cut, name(isCut ? builder[tensor].name : cut, "times")))
      shape[axis] *= factors[axis]
    }
    try finish(
      .reshape(.init()), [tensor],
      extent: TFLiteShape.extent(shape) ?? builder[tensor].extent)
  }
}
