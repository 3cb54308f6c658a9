import ArgumentParser
import Cupel

/// Which kernels run integer models.
struct KernelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Kernels to run: \(InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")). "
        + "Results do not depend on it. "
        + "(default: \(InstructionSet.environmentVariable), else the fastest)",
      valueName: "isa"), transform: { try InstructionSet(named: $0) })
  var isa: InstructionSet?

  @Option(
    help: ArgumentHelp(
      "Scratch memory of the kernels: fast, or small, which takes a row at a time.",
      valueName: "use"),
    transform: {
      try IntegerEngine.MemoryUse(rawValue: $0).orInvalid("it is neither fast nor small")
    })
  var memory = IntegerEngine.MemoryUse.fast

  /// Here, or on a board.
  func site(on board: Board? = nil) -> ExecutionSite {
    ExecutionSite(board: board, instructionSet: isa, memory: memory)
  }
}

/// Where integer models run.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run on a board that QEMU simulates, and compare every output with the one here: "
        + Board.allCases.map(\.processor).joined(separator: ", ") + ".",
      valueName: "processor"), transform: { try Board(named: $0) })
  var on: Board?
}
