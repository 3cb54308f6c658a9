import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import Testing

/// Memory of exactly the size asked for, full of rubbish, with guard bytes behind it.
final class GuardedMemory {
  let bytes: UnsafeMutableRawBufferPointer
  private let whole: UnsafeMutableRawBufferPointer
  private static var guardBytes: Int { 64 }

  init(_ count: Int) {
    whole = .allocate(byteCount: count + Self.guardBytes, alignment: 64)
    for index in whole.indices { whole[index] = 0xA5 }
    bytes = UnsafeMutableRawBufferPointer(rebasing: whole[..<count])
  }

  deinit { whole.deallocate() }

  var isIntact: Bool { whole[bytes.count...].allSatisfy { $0 == 0xA5 } }
}

/// How a batch is run against the reference.
struct LevelRun {
  var level: KernelLevel
  var profile: DeploymentProfile?
  var tuning = PackedModel.Tuning.fast
  var images = 3
  var parts = 1

  static var levels: [KernelLevel] { KernelLevel.allCases.filter(\.isAvailable) }
}

/// Every tensor of every image after the operation that makes it, by the reference kernels.
func referenceTensors(
  _ model: ModelView, images: [[Int8]], profile: DeploymentProfile?
) throws -> [[[Int8]]] {
  let arena = GuardedMemory(Interpreter.arenaBytes(for: model))
  let interpreter = try Interpreter(model: model, arena: arena.bytes, profile: profile)
  return try images.map { image in
    try image.withUnsafeBufferPointer { try interpreter.setInput($0) }
    return (0..<model.operationCount).map { index in
      interpreter.execute(operation: index)
      return Array(interpreter.tensor(model.operation(index).output))
    }
  }
}

/// Runs a program on a level, operation by operation and then as a whole, and compares every
/// tensor with the reference's. A description of the first difference, nil where there is none.
func firstDifference(
  _ file: [UInt8], inputs: [[Int8]], runs: [LevelRun]
) throws -> String? {
  try withModelView(file) { model in
    var references: [DeploymentProfile?: [[[Int8]]]] = [:]
    for run in runs {
      let images = Array(inputs.prefix(run.images))
      let expected =
        try references[run.profile]
        ?? referenceTensors(model, images: inputs, profile: run.profile)
      references[run.profile] = expected
      if let difference = try difference(model, images: images, expected: expected, run: run) {
        return "\(run): \(difference)"
      }
    }
    return nil
  }
}

private func difference(
  _ model: ModelView, images: [[Int8]], expected: [[[Int8]]], run: LevelRun
) throws -> String? {
  let memory = GuardedMemory(
    PackedModel.bytes(for: model, level: run.level, profile: run.profile, tuning: run.tuning))
  let packed = try PackedModel(
    model, level: run.level, profile: run.profile, tuning: run.tuning, memory: memory.bytes)
  guard memory.isIntact else { return "packing writes past its memory" }
  let arena = GuardedMemory(
    BatchInterpreter.bytes(for: model, packed: packed, images: images.count, parts: run.parts))
  let interpreter = try BatchInterpreter(
    model: model, packed: packed, profile: run.profile, images: images.count, parts: run.parts,
    memory: arena.bytes)
  func setInputs() {
    for (index, image) in images.enumerated() {
      _ = interpreter.tensor(model.input, image: index).update(from: image)
    }
  }
  setInputs()
  for index in 0..<model.operationCount {
    // Parts in falling order: none may lean on another.
    for part in (0..<run.parts).reversed() {
      interpreter.execute(operation: index, images: images.count, part: part, of: run.parts)
    }
    for image in images.indices {
      let own = interpreter.tensor(model.operation(index).output, image: image)
      if let place = zip(own, expected[image][index]).enumerated().first(where: {
        $0.element.0 != $0.element.1
      }) {
        return "operation \(index), image \(image), element \(place.offset): \(place.element)"
      }
    }
  }
  guard arena.isIntact else { return "a kernel writes past the arena" }
  setInputs()
  interpreter.run(images: images.count)
  for image in images.indices where model.operationCount > 0 {
    // The output's maker is not always the last operation of the file.
    let maker = (0..<model.operationCount).first { model.operation($0).output == model.output }!
    if Array(interpreter.tensor(model.output, image: image)) != expected[image][maker] {
      return "the whole model, image \(image)"
    }
  }
  return arena.isIntact ? nil : "a kernel writes past the arena in a whole run"
}
