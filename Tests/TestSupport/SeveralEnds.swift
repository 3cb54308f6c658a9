import CupelIntegerOperators
import CupelModelWriter

/// A program of two inputs and three outputs whose values can be worked out by eye: it joins its
/// inputs, limits what it joined, and gives the first input, the limited values and the joined ones.
package enum SeveralEnds {
  /// Elements of the first input, [1][1][2], and of the second, [1][1][3].
  package static let first = 2, second = 3

  /// Its tensors: 0 and 1 are inputs, 0, 2 and 3 outputs; the limited values, 3, answer.
  package static var program: IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [tensor("a", first), tensor("b", second), tensor("ab", 5), tensor("few", 5)]
    program.operations = [
      IntegerOperation(
        name: "join", kind: .concatenate(.init(axis: 2)), inputs: [0, 1], output: 2),
      IntegerOperation(
        name: "limit", kind: .clamp(.init(low: -10, high: 10)), inputs: [2], output: 3),
    ]
    program.inputs = [0, 1]
    program.outputs = [3, 0, 2]
    return program
  }

  private static func tensor(_ name: String, _ channels: Int) -> IntegerTensor {
    IntegerTensor(
      name: name, height: 1, width: 1, channels: channels, bits: 8, zeroPoint: 0, scale: 0.5)
  }

  /// Both inputs of one image.
  package static let image: [Int8] = [5, -20, 100, 9, -128]
  /// All outputs of that image, in the order of their tensors.
  package static let outputs: [Int8] = [5, -20] + [5, -20, 100, 9, -128] + [5, -10, 10, 9, -10]
}
