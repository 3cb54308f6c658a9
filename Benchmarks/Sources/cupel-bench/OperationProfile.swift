import CupelHostRuntime
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import Foundation

/// Where the time of a network goes, operation by operation.
enum OperationProfile {
  static func print(_ network: Network, bits: Int, images: Int) throws {
    let file = try CupelWriter.bytes(of: network.program(bits: bits))
    guard let level = try InstructionSet.standard().level else { return }
    try withModelView(file) { model in
      let bytes = PackedModel.bytes(for: model, level: level, profile: nil)
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
      defer { memory.deallocate() }
      let packed = try PackedModel(model, level: level, profile: nil, memory: memory)
      let arena = UnsafeMutableRawBufferPointer.allocate(
        byteCount: BatchInterpreter.bytes(for: model, packed: packed, images: images, parts: 1),
        alignment: 64)
      defer { arena.deallocate() }
      arena.initializeMemory(as: UInt8.self, repeating: 3)
      let interpreter = try BatchInterpreter(
        model: model, packed: packed, images: images, parts: 1, memory: arena)
      var index = 0
      var total = 0.0
      while index < model.operationCount {
        let place = index
        let next = try interpreter.step(operation: place, images: images)
        // It has been run, so that nothing is thrown.
        func run() { _ = try? interpreter.step(operation: place, images: images) }
        var best = Double.infinity
        for _ in 0..<9 {
          let rounds = max(1, Int(2e-4 / max(Main.seconds(run), 1e-7)))
          best = min(best, Main.seconds { for _ in 0..<rounds { run() } } / Double(rounds))
        }
        let operation = model.operation(index)
        let input = model.tensor(operation.input)
        let output = model.tensor(operation.output)
        let macs = Double(model.multiplyAccumulates(index)) * Double(images)
        total += best
        Swift.print(
          String(format: "%3d %9.2f µs %8.1f GMAC/s  ", index, best * 1e6, macs / best * 1e-9)
            + "\(operation.kind.map { "\($0.name)" } ?? "")\(next > index + 1 ? " + add" : "") "
            + "\(input.height)×\(input.width)×\(input.channels) → "
            + "\(output.height)×\(output.width)×\(output.channels)")
        index = next
      }
      Swift.print(String(format: "sum %9.2f µs", total * 1e6))
    }
  }
}
