import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat

/// 64 KiB for the tensors and the scratch of whichever operation runs, at an address divisible by
/// 16; firmware has it in its `.bss`.
nonisolated(unsafe) private var arena = InlineArray<4096, SIMD16<UInt8>>(repeating: .zero)
/// What a model answers: at most 256 classes.
nonisolated(unsafe) private var logits = InlineArray<256, Int8>(repeating: 0)

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
  /// - Throws: `RuntimeError` where the arena is too small, the image has another size or there are
  ///   more classes than 256.
  func classify(_ image: UnsafeBufferPointer<Int8>) throws(RuntimeError) -> Int {
    let count = model.tensor(model.output).elementCount
    guard count <= logits.count else { throw .outputSize(needed: count) }
    try withUnsafeMutableBytes(of: &arena) { memory throws(RuntimeError) in
      try withUnsafeMutableBytes(of: &logits) { answer throws(RuntimeError) in
        try Interpreter(model: model, arena: memory).run(
          input: image,
          output: UnsafeMutableBufferPointer(rebasing: answer.bindMemory(to: Int8.self)[..<count]))
      }
    }
    var best = 0
    for index in 0..<count where logits[index] > logits[best] { best = index }
    return best
  }
}
