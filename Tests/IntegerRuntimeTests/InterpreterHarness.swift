import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter

/// Writes a program, loads it and passes an interpreter to `body`, in an arena of exactly the size
/// that it asks for, full of rubbish and with guard bytes behind it.
func withInterpreter<Result>(
  _ program: IntegerProgram, profile: DeploymentProfile? = nil, rubbish: UInt8 = 0xA5,
  _ body: (Interpreter) throws -> Result
) throws -> (result: Result, guardIsIntact: Bool) {
  try withModelView(try CupelWriter.bytes(of: program)) { model in
    let needed = Interpreter.arenaBytes(for: model)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: needed + 64, alignment: 16)
    defer { memory.deallocate() }
    for index in memory.indices { memory[index] = rubbish }
    let arena = UnsafeMutableRawBufferPointer(rebasing: memory[..<needed])
    let interpreter = try Interpreter(model: model, arena: arena, profile: profile)
    let result = try body(interpreter)
    return (result, memory[needed...].allSatisfy { $0 == rubbish })
  }
}

extension Interpreter {
  /// The output for one image.
  func output(for image: [Int8]) throws -> [Int8] {
    var output = [Int8](repeating: 0, count: model.tensor(model.output).elementCount)
    try image.withUnsafeBufferPointer { input in
      try output.withUnsafeMutableBufferPointer { try run(input: input, output: $0) }
    }
    return output
  }
}
