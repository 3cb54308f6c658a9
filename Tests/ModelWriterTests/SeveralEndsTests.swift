import CupelModelFormat
import CupelModelWriter
import TestSupport
import Testing

/// Files of several inputs and outputs.
@Suite struct SeveralEndsTests {
  private func refusal(_ change: (inout IntegerProgram) -> Void) -> WriterError? {
    var program = SeveralEnds.program
    change(&program)
    do throws(WriterError) { _ = try CupelWriter.bytes(of: program) } catch { return error }
    return nil
  }

  @Test func aFileGivesTheProgramBack() throws {
    let file = try CupelWriter.bytes(of: SeveralEnds.program)
    #expect(file[10] == 3 && file[24] == 0 && file[28] == 3)
    try withModelView(file) { #expect(CupelReader.program(from: $0) == SeveralEnds.program) }
  }

  @Test func oneOfEachIsWrittenAsBefore() throws {
    var program = SeveralEnds.program
    program.tensors.remove(at: 1)
    program.tensors[1].channels = 4
    program.tensors[2].channels = 4
    program.operations[0].inputs = [0, 0]
    program.operations[0].output = 1
    (program.operations[1].inputs, program.operations[1].output) = ([1], 2)
    (program.inputs, program.outputs) = ([0], [2])
    #expect(try CupelWriter.bytes(of: program)[10] == 0)
    program.outputs = [2, 1]
    #expect(try CupelWriter.bytes(of: program)[10] == 3)
  }

  /// A version that has not several, or has more than is used, is refused.
  @Test func theVersionIsTheLeast() throws {
    for (program, version) in [(SeveralEnds.program, 2), (Sample.named, 3)] {
      var file = try CupelWriter.bytes(of: program)
      file[10] = UInt8(version)
      CupelWriter.redigest(&file)
      #expect(FileEditor(bytes: file).verdict()?.rule == .version)
    }
  }

  @Test func theHeaderNamesTheFirstInputAndAnOutput() throws {
    for (place, tensor, rule) in [
      (24, 1, FormatRule.inputTensor), (24, 2, .inputTensor), (28, 1, .outputTensor),
    ] {
      var file = try CupelWriter.bytes(of: SeveralEnds.program)
      file[place] = UInt8(tensor)
      CupelWriter.redigest(&file)
      #expect(FileEditor(bytes: file).verdict()?.rule == rule)
    }
  }

  @Test func whatCannotBeIsRefused() {
    #expect(refusal { _ in } == nil)
    #expect(refusal { $0.inputs = [] } == .program("it has no input"))
    #expect(refusal { $0.outputs = [] } == .program("it has no output"))
    #expect(refusal { $0.outputs = [3, 3] } == .program("tensor 3 is an output twice"))
    #expect(refusal { $0.inputs = [0, 9] } == .program("the input is tensor 9 of 4"))
    #expect(refusal { $0.inputs = [0, 1, 2] } != nil)
    #expect(refusal { $0.tensors[1].bits = 4 } != nil)
  }

  @Test func whatNoOutputNeedsGoes() {
    var program = SeveralEnds.program
    program.outputs = [2, 0]
    let pruned = program.removingUnusedOperations()
    #expect(pruned.operations.map(\.name) == ["join"] && pruned.tensors.count == 3)
    #expect(pruned.inputs == [0, 1] && pruned.outputs == [2, 0])
  }
}
