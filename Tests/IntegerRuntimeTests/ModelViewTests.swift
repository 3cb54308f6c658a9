import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelWriter
import CupelSupport
import TestSupport
import Testing

/// What a view of a file gives to whoever asks for an index that the file does not have: nothing.
/// An index that went through unchecked would be taken for a place in memory.
@Suite struct ModelViewTests {
  /// A file with one operation that reads one tensor.
  private static func bytes() throws -> [UInt8] {
    var generator = SeededGenerator(seed: 1)
    let axis = SingleLayer.Axis(input: 5, kernel: 3, stride: 1, dilation: 1, before: 1)
    return try CupelWriter.bytes(
      of: SingleLayer.small(axis: axis, using: &generator)[0].program)
  }

  @Test func everyIndexThatThereIsWorks() throws {
    try withModelView(try Self.bytes()) { model in
      #expect(model.tensorCount == 2 && model.operationCount == 1)
      for index in 0..<model.tensorCount { #expect(model.tensor(index).elementCount > 0) }
      let operation = model.operation(0)
      #expect(operation.operands.count == 1 && operation.operands[0] == model.input)
      #expect(operation.output == model.output)
    }
  }

  @Test(.startsProcesses) func anyOtherEndsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      try withModelView(try Self.bytes()) { _ = $0.tensor(2) }
    }
    await #expect(processExitsWith: .failure) {
      try withModelView(try Self.bytes()) { _ = $0.tensor(-1) }
    }
    await #expect(processExitsWith: .failure) {
      try withModelView(try Self.bytes()) { _ = $0.operation(1) }
    }
    await #expect(processExitsWith: .failure) {
      try withModelView(try Self.bytes()) { _ = $0.metadata($0.metadataCount) }
    }
    await #expect(processExitsWith: .failure) {
      try withModelView(try Self.bytes()) { _ = $0.operation(0).operands[1] }
    }
    await #expect(processExitsWith: .failure) {
      try withModelView(try Self.bytes()) { _ = $0.operation(0).operands[-1] }
    }
  }
}
