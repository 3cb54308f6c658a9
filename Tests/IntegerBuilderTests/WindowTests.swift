import CupelIntegerBuilder
import CupelModelWriter
import Testing

@Suite("Padded windows")
struct WindowTests {
  @Test(
    "padding as TensorFlow's SAME has it",
    arguments: [
      // input, kernel, stride, dilation; before, after, outputs
      (5, 3, 1, 1, 1, 1, 5), (5, 2, 1, 1, 0, 1, 5), (6, 3, 2, 1, 0, 1, 3), (7, 3, 2, 1, 1, 1, 4),
      // A kernel of 3 that skips one in between reaches 5.
      (4, 3, 1, 2, 2, 2, 4),
      // Strides beyond the kernel need none.
      (7, 1, 3, 1, 0, 0, 3), (1, 4, 2, 1, 1, 2, 1),
    ] as [(Int, Int, Int, Int, Int, Int, Int)])
  func same(
    input: Int, kernel: Int, stride: Int, dilation: Int, before: Int, after: Int, outputs: Int
  ) {
    var axis = WindowAxis(kernel: kernel, stride: stride, dilation: dilation)
    axis.padSame(over: input)
    #expect((axis.before, axis.after) == (before, after))
    #expect(axis.outputs(over: input) == outputs)
    #expect(axis.isSame(over: input, outputs: outputs))
    #expect(!axis.isSame(over: input, outputs: outputs + 1))
    axis.padSame(over: input, isOddBefore: true)
    #expect((axis.before, axis.after) == (after, before))
  }

  @Test("places that a window takes")
  func outputs() {
    var axis = WindowAxis(kernel: 3, stride: 2, before: 1)
    #expect(axis.reach == 3)
    #expect(axis.outputs(over: 6) == 3)
    #expect(axis.outputs(over: 2) == 1)
    #expect(axis.outputs(over: 1) == nil)
    // Four places over 6: from −1, 1, 3 and 5, the last to 7.
    axis.padBehind(for: 4, over: 6)
    #expect(axis.after == 2)
    axis.padBehind(for: 2, over: 6)
    #expect(axis.after == 0)
  }

  @Test("a program's window and back")
  func integer() {
    let own = IntegerOperation.Window(
      kernelHeight: 3, kernelWidth: 2, strideHeight: 2, strideWidth: 1, dilationHeight: 1,
      dilationWidth: 3, padTop: 1, padLeft: 2)
    let grid = Grid(scale: 1, zeroPoint: 0, bits: 8)
    let window = PaddedWindow(
      own, input: IntegerTensor(name: "x", extent: [6, 5, 1], grid: grid),
      output: IntegerTensor(name: "y", extent: [3, 6, 1], grid: grid))
    #expect(window.integer == own)
    #expect((window.rows.after, window.columns.after) == (0, 2))
    #expect(window.padded([6, 5, 1]) == [7, 9, 1])
    #expect(window.taps == 6 && window.isPadded && !window.bare.isPadded)
  }

  @Test("padding that a window cannot see over")
  func reach() {
    var window = PaddedWindow(rows: WindowAxis(kernel: 3), columns: WindowAxis(kernel: 1))
    window.rows.after = 2
    #expect(!window.exceedsItsReach)
    window.rows.after = 3
    #expect(window.exceedsItsReach)
    window.rows.after = 0
    window.columns.before = 1
    #expect(window.exceedsItsReach)
  }
}
