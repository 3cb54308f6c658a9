import CupelIntegerOperators
import CupelIntegerRuntime
import Synchronization

/// Memory in which one batch runs, and the interpreter over it: lent to one run at a time.
final class Workspace: @unchecked Sendable {
  let interpreter: BatchInterpreter
  private let memory: AlignedBytes

  init(interpreter: BatchInterpreter, memory: AlignedBytes) {
    self.interpreter = interpreter
    self.memory = memory
  }
}

/// One run of a model whose operations several threads share.
///
/// An operation is split into the same parts whoever takes them, so results do not depend on how
/// many threads come. The leading thread goes from operation to operation; it takes parts as the
/// helpers do, and waits only for parts that others have begun.
final class SharedRun: Sendable {
  private let workspace: Workspace
  private let images: Int
  /// Most parts of an operation.
  private let threads: Int
  /// The operation under way and its next part; parts are those of `encoded`.
  private let place = Atomic(0)
  private let done = Atomic(0)
  private static let partBits = 16

  init(_ workspace: Workspace, images: Int, threads: Int) {
    self.workspace = workspace
    self.images = images
    self.threads = threads
    // An operation of which no part is left, until the first that is split.
    place.store(encoded(0, part: threads), ordering: .relaxed)
  }

  private func encoded(_ operation: Int, part: Int) -> Int { operation << Self.partBits | part }

  private var operationCount: Int { workspace.interpreter.model.operationCount }

  private func parts(_ operation: Int) -> Int {
    min(workspace.interpreter.usefulParts(operation: operation, images: images), threads)
  }

  /// The leading thread's share: the whole run.
  func lead() {
    var operation = 0
    while operation < operationCount {
      let parts = parts(operation)
      let isFused = workspace.interpreter.fuses(operation: operation, parts: parts)
      if parts == 1 {
        workspace.interpreter.execute(operation: operation, images: images, fused: isFused)
      } else {
        done.store(0, ordering: .relaxed)
        place.store(encoded(operation, part: 0), ordering: .releasing)
        while takePart() {}
        spin(until: { done.load(ordering: .acquiring) == parts })
      }
      operation += isFused ? 2 : 1
    }
    place.store(encoded(operationCount, part: threads), ordering: .releasing)
  }

  /// A helper's share: parts until the run is over.
  func help() {
    spin(until: {
      while takePart() {}
      return place.load(ordering: .acquiring) >> Self.partBits == operationCount
    })
  }

  /// Takes the next part of the operation under way; false where none is left.
  private func takePart() -> Bool {
    let seen = place.load(ordering: .acquiring)
    let operation = seen >> Self.partBits
    let part = seen & (1 << Self.partBits - 1)
    guard operation < operationCount, part < threads else { return false }
    let parts = parts(operation)
    guard part < parts,
      place.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
        .exchanged
    else { return part < parts }
    workspace.interpreter.execute(
      operation: operation, images: images, part: part, of: parts,
      fused: workspace.interpreter.fuses(operation: operation, parts: parts))
    done.add(1, ordering: .releasing)
    return true
  }
}
