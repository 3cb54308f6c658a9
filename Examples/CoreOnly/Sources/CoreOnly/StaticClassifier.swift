import IntegerOperators
import IntegerRuntime
import ModelFormat

/// 64 KiB for the tensors and the scratch of whichever operation runs, at an address divisible by
/// 16; firmware has it in its `.bss`.
nonisolated(unsafe) private var arena = InlineArray<4096, SIMD16<UInt8>>(repeating: .zero)

/// A model that stays where it lies and an arena that is there from the start: no heap, no
/// floating point.
struct StaticClassifier {
  let model: ModelView

  /// - Parameter file: a `.cupel` file at an address divisible by 16, in place for good.
  /// - Throws: the first rule of the format that the file breaks.
  init(file: UnsafeRawBufferPointer) throws(FormatError) {
    model = try ModelView(validating: file)
  }

  /// Elements of the input, [height][width][channels].
  var inputCount: Int { model.tensor(model.input).elementCount }

  /// Bytes of arena that one image takes.
  var arenaBytes: Int { Interpreter.arenaBytes(for: model) }

  /// - Parameter image: on the input's grid, `inputCount` values.
  /// - Returns: the class with the largest output; the lowest of equals.
  /// - Throws: `RuntimeError` where the arena is too small or the image has another size.
  func classify(_ image: UnsafeBufferPointer<Int8>) throws(RuntimeError) -> Int {
    try withUnsafeMutableBytes(of: &arena) { memory throws(RuntimeError) in
      let interpreter = try Interpreter(model: model, arena: memory)
      try interpreter.setInput(image)
      for index in 0..<model.operationCount { interpreter.execute(operation: index) }
      let logits = interpreter.tensor(model.output)
      var best = 0
      for index in 0..<logits.count where logits[index] > logits[best] { best = index }
      return best
    }
  }
}
