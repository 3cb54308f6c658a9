import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter

/// An integer program under construction: lowering, importers and tests make theirs here, so that
/// grids, multipliers and orders of elements are derived in one place.
///
/// Names are the caller's: what a program calls its tensors is part of its file.
public struct ProgramBuilder: Sendable {
  /// What there is so far.
  public private(set) var program = IntegerProgram()
  private var hasInput = false
  /// Whose rounding the operations carry.
  public let profile: DeploymentProfile

  /// The arithmetic of additions, products and average pools; the profile's unless it is changed.
  public var elementMode: RoundingMode

  /// - Parameter profile: whose rounding the operations carry.
  public init(profile: DeploymentProfile) {
    self.profile = profile
    elementMode = profile.elementMode(.doubleRounding)
  }

  /// - Parameter tensor: an index that `add` returned.
  public subscript(tensor: Int) -> IntegerTensor { program.tensors[tensor] }

  // MARK: Tensors and operations

  /// Returns the tensor's index.
  public mutating func add(_ tensor: IntegerTensor) -> Int {
    program.tensors.append(tensor)
    return program.tensors.count - 1
  }

  /// A tensor that the program reads. Returns its index.
  public mutating func addInput(_ tensor: IntegerTensor) -> Int {
    let index = add(tensor)
    program.inputs = hasInput ? program.inputs + [index] : [index]
    hasInput = true
    return index
  }

  /// - Parameter output: a tensor that no operation gives yet.
  public mutating func append(
    _ name: String, _ kind: IntegerOperation.Kind, _ inputs: [Int], to output: Int
  ) {
    program.operations.append(
      IntegerOperation(name: name, kind: kind, inputs: inputs, output: output))
  }

  /// An operation and the tensor that it gives, whose index is returned.
  public mutating func append(
    _ name: String, _ kind: IntegerOperation.Kind, _ inputs: [Int], giving tensor: IntegerTensor
  ) -> Int {
    let output = add(tensor)
    append(name, kind, inputs, to: output)
    return output
  }

  /// The program.
  ///
  /// - Parameters:
  ///   - output: index of the tensor that it gives.
  ///   - metadata: what its file is to say besides.
  public func finished(output: Int, metadata: [String: String] = [:]) -> IntegerProgram {
    var result = program
    result.output = output
    result.metadata = metadata
    return result
  }

  /// The program, which may have several inputs and outputs.
  ///
  /// Of several, a file tells the order by the order of the tensors: then inputs become the first
  /// tensors, and outputs that are no inputs the last.
  ///
  /// - Parameters:
  ///   - inputs: indices of the tensors that it reads, each once.
  ///   - outputs: indices of the tensors that it gives, each once, the one that answers first.
  public func finished(inputs: [Int], outputs: [Int]) -> IntegerProgram {
    guard inputs.count + outputs.count > 2 else { return finished(output: outputs[0]) }
    let last = outputs.filter { !inputs.contains($0) }
    let inner = program.tensors.indices.filter { !inputs.contains($0) && !last.contains($0) }
    var result = program
    (result.inputs, result.outputs) = (inputs, outputs)
    return result.renumbered(inputs + inner + last)
  }

  // MARK: Operations that only bring values to another form

  /// A tensor's contents on a grid, within bounds: the tensor itself where nothing changes, else
  /// what one operation gives.
  ///
  /// - Parameter bounds: nil for all of the grid.
  public mutating func requantized(
    _ source: Int, to grid: Grid, within bounds: Bounds? = nil, tensor name: String,
    operation: String
  ) throws(BuildError) -> Int {
    let held = self[source]
    let bounds = bounds ?? grid.whole
    let kind: IntegerOperation.Kind
    if held.grid != grid {
      kind = .requantize(.init(try rescale(from: held.grid, to: grid, within: bounds)))
    } else if bounds != grid.whole {
      kind = .clamp(.init(low: bounds.low, high: bounds.high))
    } else {
      return source
    }
    return append(
      operation, kind, [source], giving: IntegerTensor(name: name, extent: held.extent, grid: grid))
  }

  /// The tensor with the same integers on another grid of as many bits: a table of themselves, or of 16
  /// bits a requantization by one.
  public mutating func relabelled(_ source: Int, as grid: Grid, named name: String) -> Int {
    guard self[source].grid != grid else { return source }
    return append(
      name, grid.isWide ? .identity : .lookup(.init(table: FunctionTable.identity)), [source],
      giving: IntegerTensor(name: name, extent: self[source].extent, grid: grid))
  }

  /// The tensor, repeated along axes of one element.
  public mutating func repeated(
    _ source: Int, to extent: [Int], named name: String
  ) throws(BuildError) -> Int {
    let held = self[source]
    guard held.extent != extent else { return source }
    for (own, wanted) in zip(held.extent, extent) where own != wanted && own != 1 {
      throw .extent(held.extent, repeatedTo: extent)
    }
    return append(
      name, .broadcast(.init()), [source],
      giving: IntegerTensor(name: name, extent: extent, grid: held.grid))
  }

  /// A tensor with a window's padding around it, zero in real terms; the tensor itself where the
  /// window has none.
  public mutating func padded(
    _ source: Int, around window: PaddedWindow, tensor name: String, operation: String
  ) -> Int {
    guard window.isPadded else { return source }
    let held = self[source]
    return append(
      operation,
      .pad(
        .init(Axes(window.rows.before, window.columns.before, 0), value: Int16(held.zeroPoint))),
      [source],
      giving: IntegerTensor(name: name, extent: window.padded(held.extent), grid: held.grid))
  }
}

extension IntegerOperation.Kind {
  /// Every integer of 16 bits itself: 2³⁰ · 2^(1 − 31) is 1.
  fileprivate static var identity: Self {
    .requantize(
      .init(
        .init(
          ratio: 1, multiplier: 1 << 30, shift: 1, rounding: .doubleRounding, low: .min,
          high: .max)))
  }
}
