import IntegerRuntime

/// Memory in which one batch runs, and the interpreter over it: lent to one run at a time.
final class Workspace: @unchecked Sendable {
  let interpreter: BatchInterpreter
  private let memory: AlignedBytes

  init(interpreter: BatchInterpreter, memory: AlignedBytes) {
    self.interpreter = interpreter
    self.memory = memory
  }

  /// Runs the model on the images that have been set, on `threads` threads that all call this.
  ///
  /// Every operation is split into the same parts whoever takes them, and a thread waits for the
  /// others only where either of two operations in a row has been split.
  func run(images: Int, thread: Int, threads: Int, arrivals: Counter) {
    let count = interpreter.model.operationCount
    var awaited = 0
    var wasSplit = false
    var index = 0
    while index < count {
      let parts = min(interpreter.usefulParts(operation: index, images: images), threads)
      if wasSplit || (parts > 1 && index > 0) {
        awaited += threads
        arrivals.add()
        arrivals.wait(for: awaited)
      }
      let isFused = interpreter.fuses(operation: index, parts: parts)
      if thread < parts {
        interpreter.execute(
          operation: index, images: images, part: thread, of: parts, fused: isFused)
      }
      wasSplit = parts > 1
      index += isFused ? 2 : 1
    }
  }
}
