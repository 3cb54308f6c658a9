import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat

/// Runs a validated model, one image at a time, in memory that the caller gives once.
///
/// The arena holds the tensors, where the file has planned them, and the scratch memory of whichever
/// operation runs, behind the tensors that live at that time: where others have been or will be, as
/// far as there is room, so that it adds little or nothing to what the tensors take. Nothing is
/// allocated and no floating-point instruction runs. The model's bytes and the arena must outlive
/// the interpreter; two interpreters may share the bytes but not the arena.
public struct Interpreter {
  /// The model that it runs.
  public let model: ModelView
  /// Whose rounding is used: nil for what the file says of each operation.
  public let profile: DeploymentProfile?
  let arena: UnsafeMutablePointer<Int8>

  /// Alignment of the arena's first byte.
  public static var arenaAlignment: Int { 16 }

  /// Bytes of arena that the model needs, for its tensors and the scratch of every operation.
  /// `Int.max` where no address space could hold it.
  public static func arenaBytes(for model: ModelView) -> Int {
    var most = Int64(model.arenaSize)
    for index in 0..<model.operationCount {
      let scratch = Step(model, operation: index, profile: nil).scratchBytes
      most = max(most, Int64(scratchOffset(of: index, in: model)) &+ scratch)
    }
    return Int(clamping: most)
  }

  /// Where the scratch of operation `index` begins: behind every tensor that lives while it runs.
  private static func scratchOffset(of index: Int, in model: ModelView) -> Int {
    let time = index &+ 1
    var end = 0
    for place in 0..<model.tensorCount {
      let tensor = model.tensor(place)
      guard tensor.born <= time, time <= tensor.lastUse else { continue }
      end = max(end, tensor.arenaOffset &+ tensor.byteCount)
    }
    // The arena's size is such a multiple and no tensor ends behind it, so this does not overflow.
    return (end &+ arenaAlignment &- 1) & ~(arenaAlignment &- 1)
  }

  /// Makes a model ready to run in memory of the caller's.
  ///
  /// - Parameters:
  ///   - model: must outlive this, as its bytes must.
  ///   - arena: at least `arenaBytes(for:)`, its address divisible by `arenaAlignment`; what it
  ///     holds does not matter.
  ///   - profile: rounds as that runtime does, whatever the file says; nil leaves it as written.
  /// - Throws: `profileUnavailable`, `arenaSize`, `arenaAlignment`.
  public init(
    model: ModelView, arena: UnsafeMutableRawBufferPointer, profile: DeploymentProfile? = nil
  ) throws(RuntimeError) {
    guard profile?.isThere ?? true else { throw .profileUnavailable }
    let needed = Self.arenaBytes(for: model)
    guard arena.count >= needed, let base = arena.baseAddress else {
      throw .arenaSize(needed: needed)
    }
    guard UInt(bitPattern: base) % UInt(Self.arenaAlignment) == 0 else { throw .arenaAlignment }
    self.model = model
    self.profile = profile
    self.arena = base.bindMemory(to: Int8.self, capacity: model.arenaSize)
  }

  /// Runs the whole model on one image.
  ///
  /// - Parameters:
  ///   - input: [H][W][C] of the model's input tensor, on its grid; of several, one after another
  ///     in the order of their indices. Of 16 bits an element is two bytes, the lower first.
  ///   - output: receives the model's output tensor; of several, likewise.
  /// - Throws: `inputSize`, `outputSize`.
  public func run(
    input: UnsafeBufferPointer<Int8>, output: UnsafeMutableBufferPointer<Int8>
  ) throws(RuntimeError) {
    let needed = model.outputBytes
    guard output.count == needed, let target = output.baseAddress else {
      throw .outputSize(needed: needed)
    }
    try setInput(input)
    for index in 0..<model.operationCount { execute(operation: index) }
    var next = target
    for index in 0..<model.tensorCount where model.isOutput(index) {
      let tensor = model.tensor(index)
      next.update(from: arena + tensor.arenaOffset, count: tensor.byteCount)
      next += tensor.byteCount
    }
  }

  /// Copies an image to the input tensor, as the first of the steps that `run` takes; of several
  /// inputs, all.
  ///
  /// - Throws: `inputSize`.
  public func setInput(_ input: UnsafeBufferPointer<Int8>) throws(RuntimeError) {
    let needed = model.inputBytes
    guard input.count == needed, var next = input.baseAddress else {
      throw .inputSize(needed: needed)
    }
    for index in 0..<model.tensorCount where model.isInput(index) {
      let tensor = model.tensor(index)
      (arena + tensor.arenaOffset).update(from: next, count: tensor.byteCount)
      next += tensor.byteCount
    }
  }

  /// Runs operation `index`, in 0 ..< model.operationCount. The operations before it must have
  /// run, in order, since the input was set.
  package func execute(operation index: Int) {
    let scratch = UnsafeMutableRawPointer(arena + Self.scratchOffset(of: index, in: model))
    Step(model, operation: index, profile: profile).run(
      in: StepMemory(arena: arena, scratch: scratch))
  }

  /// Where the bytes of tensor `index` of the model lie. It holds its values from the operation that makes it
  /// until the last one that reads it; then others may take its place.
  package func tensor(_ index: Int) -> UnsafeBufferPointer<Int8> {
    let tensor = model.tensor(index)
    return UnsafeBufferPointer(start: arena + tensor.arenaOffset, count: tensor.byteCount)
  }
}
