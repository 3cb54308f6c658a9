import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import Testing

/// Programs that cannot be written are refused by name.
@Suite struct WriterErrorTests {
  private func message(_ change: (inout IntegerProgram) -> Void) -> String {
    var program = Sample.program
    change(&program)
    do throws(WriterError) {
      _ = try CupelWriter.bytes(of: program)
      return "written"
    } catch { return error.description }
  }

  private func changeStem(
    _ change: (inout IntegerOperation.Weighted) -> Void
  ) -> String {
    message {
      guard case .convolution(var own) = $0.operations[0].kind else { return }
      change(&own.weights)
      $0.operations[0].kind = .convolution(own)
    }
  }

  @Test func theProgramAsAWhole() {
    #expect(
      message { $0.input = 14 } == "the program cannot be written: the input is tensor 14 of 14")
    #expect(message { $0.output = -1 }.hasSuffix("the output is tensor -1 of 14"))
    #expect(message { $0.operations.removeLast() }.hasSuffix("nothing uses it"))
    #expect(message { $0 = IntegerProgram() }.contains("0 tensors"))
  }

  @Test func tensors() {
    #expect(message { $0.tensors[2].bits = 5 } == "tensor 2 (narrow): 5 bits")
    #expect(message { $0.tensors[2].zeroPoint = 128 } == "tensor 2 (narrow): a zero point of 128")
    #expect(message { $0.tensors[1].height = 0 } == "tensor 1 (stem): an extent of 0")
    #expect(message { $0.tensors[1].width = .max }.hasPrefix("tensor 1 (stem): an extent of"))
    #expect(
      message { $0.tensors[1].height = 1 << 29 } == "tensor 1 (stem): more than 2^31 - 1 elements")
    #expect(
      message { $0.tensors[1].scale = .nan }
        == "tensor 1 (stem): a tensor's scale must be finite and positive")
    #expect(message { $0.tensors[1].name = "a\u{1B}b" }.contains("UTF-8"))
    #expect(message { $0.output = 12 } == "tensor 13 (logits): nothing uses it")
  }

  @Test func order() {
    #expect(
      message { $0.operations[2].inputs = [9] }
        == "operation 2 (branch): input 9 is not defined yet")
    #expect(
      message { $0.operations[2].inputs = [99] } == "operation 2 (branch): input 99 is no tensor")
    #expect(message { $0.operations[2].inputs = [] } == "operation 2 (branch): no inputs")
    #expect(message { $0.operations[2].output = 99 }.hasSuffix("output 99 is no tensor"))
    #expect(message { $0.operations[2].output = 1 }.hasSuffix("output 1 is defined twice"))
    #expect(message { $0.operations[2].output = 0 }.hasSuffix("output 0 is defined twice"))
  }

  @Test func operations() {
    #expect(
      changeStem { $0.weights.removeLast() }
        == "operation 0 (stem): 107 weights where its shape has 108")
    #expect(
      changeStem { $0.bias.append(0) }
        == "operation 0 (stem): 5 biases and 4 scales for 4 output channels")
    #expect(changeStem { $0.bits = 3 } == "operation 0 (stem): 3-bit weights")
    #expect(
      changeStem { $0.weights[3] = 8 } == "operation 0 (stem): a weight outside -8...7 at 4 bits")
    #expect(
      changeStem { $0.scales[2].weightScale *= 2 }
        == "operation 0 (stem): a ratio must be finite and agree with its multiplier and shift")
    #expect(
      message { $0.operations[Sample.concatenate].kind = .concatenate(.init(axis: 300)) }
        == "operation 10 (concatenate): an axis of 300")
    #expect(
      message { $0.operations[Sample.concatenate].kind = .concatenate(.init(axis: 2)) }
        == "operation 10 (concatenate): the output's extent must be what the operation gives")
    #expect(
      message {
        $0.operations[Sample.pad].kind = .pad(.init(Axes(-1, 0, 0), value: 0))
      } == "operation 8 (pad): a parameter of -1")
    #expect(
      message {
        guard case .convolution(let own) = $0.operations[0].kind else { return }
        $0.operations[0].kind = .convolution(
          .init(
            .init(kernelHeight: .max, kernelWidth: 3), groups: 1, own.weights))
      } == "operation 0 (stem): a kernel or groups without a size")
  }

  @Test func operationsOfNewerKinds() {
    func message(_ index: Int, _ kind: IntegerOperation.Kind) -> String {
      var program = Sample.kinds
      program.operations[index].kind = kind
      do throws(WriterError) {
        _ = try CupelWriter.bytes(of: program)
        return ""
      } catch {
        return error.description
      }
    }
    #expect(
      message(0, .constant(.init([1, 2])))
        == "operation 0 (constant): 2 values where 24 belong")
    #expect(
      message(6, .lookup(.init(table: [1])))
        == "operation 6 (narrow): 1 values where 256 belong")
  }

  @Test func metadata() {
    #expect(
      message { $0.metadata["a key"] = "" }
        == "metadata a key: a metadata key must be 1 or more printable ASCII characters")
    #expect(message { $0.metadata[""] = "" }.hasPrefix("metadata :"))
  }

  /// The error of a reader tells the rule, the record and the byte.
  @Test func readersErrorTellsThePlace() throws {
    var editor = try FileEditor()
    editor.bytes[editor.operation(5, 0)] = 39
    let place = editor.operation(5, 0)
    #expect(
      editor.verdict()?.description
        == "not a valid .cupel file: operation 5, byte \(place): the operation's kind must be "
        + "known (rule 30, kind)")
  }
}
