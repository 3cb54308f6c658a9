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
}
