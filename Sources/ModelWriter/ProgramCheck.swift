import ModelFormat

/// What the writer must know before it lays out bytes: that counts fit their shapes and numbers
/// their fields. Every other rule is left to the validator, which reads the finished file.
enum ProgramCheck {
  static func check(_ program: IntegerProgram) throws(WriterError) {
    let count = program.tensors.count
    guard (1...Layout.mostTensors).contains(count) else {
      throw .program("\(count) tensors; 1 to \(Layout.mostTensors) can be written")
    }
    guard program.operations.count == count - 1 else {
      throw .program(
        "\(program.operations.count) operations for \(count) tensors; one fewer is needed")
    }
    for (index, tensor) in program.tensors.enumerated() {
      guard tensor.bits == 8 || tensor.bits == 4 else {
        throw .tensor(index, name: tensor.name, "\(tensor.bits) bits")
      }
      guard Int8(exactly: tensor.zeroPoint) != nil else {
        throw .tensor(index, name: tensor.name, "a zero point of \(tensor.zeroPoint)")
      }
    }
  }

  /// Checks the lists inside an operation, whose order must have been checked by `Lifetimes`. Returns its
  /// weights' shape where it has weights.
  static func check(
    _ operation: IntegerOperation, at index: Int, in program: IntegerProgram
  ) throws(WriterError) -> WeightShape? {
    func fail(_ reason: String) -> WriterError {
      .operation(index, name: operation.name, reason)
    }
    switch operation.kind {
    case .convolution(_, _, let weighted), .depthwiseConvolution(_, let weighted),
      .fullyConnected(let weighted):
      let output = program.tensors[operation.output]
      guard
        let shape = WeightShape(
          operation.kind, input: program.tensors[operation.inputs[0]], output: output)
      else { throw fail("a kernel or groups without a size") }
      if let reason = mismatch(weighted, shape: shape, channels: output.channels) {
        throw fail(reason)
      }
      return shape
    case .add(let add):
      guard add.multipliers.count == 2, add.shifts.count == 2 else {
        throw fail("an addition needs two multipliers and two shifts")
      }
    case .subtract(let subtract):
      guard subtract.multipliers.count == 2, subtract.shifts.count == 2 else {
        throw fail("a subtraction needs two multipliers and two shifts")
      }
    case .slice(let slice):
      guard slice.start.count == 3, slice.step.count == 3 else {
        throw fail("a slice needs three starts and three steps")
      }
    case .lookup(let table):
      guard table.count == Layout.lookupSize else {
        throw fail("a table of \(table.count) values instead of \(Layout.lookupSize)")
      }
    case .constant(let elements):
      guard elements.count == program.tensors[operation.output].elementCount else {
        throw fail("\(elements.count) elements for a tensor that has another number of them")
      }
    case .transpose(let axes):
      guard axes.count == 3 else { throw fail("a transposition needs three axes") }
    default: break
    }
    return nil
  }

  private static func mismatch(
    _ weighted: IntegerOperation.Weighted, shape: WeightShape, channels: Int
  ) -> String? {
    guard weighted.bits == 8 || weighted.bits == 4 else { return "\(weighted.bits)-bit weights" }
    guard weighted.weights.count == shape.count else {
      return "\(weighted.weights.count) weights where its shape has \(shape.count)"
    }
    guard weighted.bias.count == channels, weighted.scales.count == channels else {
      return "\(weighted.bias.count) biases and \(weighted.scales.count) scales for "
        + "\(channels) output channels"
    }
    guard weighted.bits == 8 || weighted.weights.allSatisfy({ (-8...7).contains($0) }) else {
      return "a weight outside -8...7 at 4 bits"
    }
    return nil
  }
}
