import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import Testing

/// The window rules against their meaning, counted out tap by tap for every small case.
@Suite struct WindowTests {
  struct Axis {
    var input, output, kernel, stride, dilation, before: Int

    var reach: Int { (kernel - 1) * dilation + 1 }

    /// Whether some padding behind the input, smaller than the kernel's reach, makes just
    /// `output` windows fit.
    var isConsistent: Bool {
      guard before < reach else { return false }
      return (0..<reach).contains { after in
        let windows = (0..<100).prefix { $0 * stride + reach <= before + input + after }
        return windows.count == output
      }
    }

    /// Whether each window has a tap on the input.
    var meetsInput: Bool {
      (0..<output).allSatisfy { window in
        (0..<kernel).contains { tap in
          (0..<input).contains(window * stride - before + tap * dilation)
        }
      }
    }
  }

  private func program(
    _ axis: Axis, kind: (IntegerOperation.Window) -> IntegerOperation.Kind, turned: Bool
  ) -> IntegerProgram {
    var window = IntegerOperation.Window(kernelHeight: 1, kernelWidth: 1)
    if turned {
      (window.kernelWidth, window.strideWidth) = (axis.kernel, axis.stride)
      (window.dilationWidth, window.padLeft) = (axis.dilation, axis.before)
    } else {
      (window.kernelHeight, window.strideHeight) = (axis.kernel, axis.stride)
      (window.dilationHeight, window.padTop) = (axis.dilation, axis.before)
    }
    func tensor(_ extent: Int) -> IntegerTensor {
      IntegerTensor(
        name: "", height: turned ? 1 : extent, width: turned ? extent : 1, channels: 1, bits: 8,
        zeroPoint: 0, scale: 1)
    }
    var program = IntegerProgram()
    program.tensors = [tensor(axis.input), tensor(axis.output)]
    program.operations = [
      IntegerOperation(name: "", kind: kind(window), inputs: [0], output: 1)
    ]
    program.output = 1
    return program
  }

  private func isAccepted(
    _ axis: Axis, turned: Bool, _ kind: (IntegerOperation.Window) -> IntegerOperation.Kind
  ) -> Bool {
    (try? CupelWriter.bytes(of: program(axis, kind: kind, turned: turned))) != nil
  }

  @Test func everySmallWindow() {
    var accepted = 0
    var mismatches: [Axis] = []
    for input in 1...5 {
      for output in 1...5 {
        for kernel in 1...4 {
          for stride in 1...3 {
            for dilation in 1...3 {
              for before in 0...6 {
                let axis = Axis(
                  input: input, output: output, kernel: kernel, stride: stride,
                  dilation: dilation, before: before)
                let turned = (input + output + before) % 2 == 0
                let pool = isAccepted(axis, turned: turned) { .maxPool(.init($0)) }
                let convolution = isAccepted(axis, turned: turned) {
                  .convolution(.init($0, groups: 1, Self.weighted(kernel)))
                }
                // Pools are refused a little early: where a dilated tap could jump the input.
                let mayJump = before > 0 && dilation > input
                let isRight =
                  convolution == axis.isConsistent
                  && pool == (axis.isConsistent && !mayJump) && (!pool || axis.meetsInput)
                if !isRight { mismatches.append(axis) }
                if pool { accepted += 1 }
              }
            }
          }
        }
      }
    }
    #expect(mismatches.isEmpty, "\(mismatches.prefix(3))")
    #expect(accepted > 500)
  }

  private static func weighted(_ count: Int) -> IntegerOperation.Weighted {
    .init(
      bits: 8, weights: Array(repeating: 1, count: count), bias: [0],
      scales: [.init(weightScale: 0.5, multiplier: 1 << 30, shift: 0)],
      rounding: .doubleRounding, low: -128, high: 127)
  }
}
