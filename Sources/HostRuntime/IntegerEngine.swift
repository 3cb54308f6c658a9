import FixedPoint
import IntegerRuntime
import ModelFormat
import ModelWriter
import Support
import Synchronization

/// A `.cupel` model ready to run on the workstation: bytes validated once, one arena a thread.
public final class IntegerEngine: Sendable {
  private let file: AlignedBytes
  /// View of `file`, which never changes and lives as long as this.
  private nonisolated(unsafe) let model: ModelView
  private let profile: DeploymentProfile?
  private let arenas: Mutex<[AlignedBytes]> = Mutex([])

  /// Channels, height and width of the input.
  public let inputShape: [Int]
  public let inputScale: Float
  public let inputZeroPoint: Int
  /// Bits of the input's grid.
  public let inputBits: Int
  /// Elements of the output, normally the logits.
  public let outputCount: Int
  /// Bytes of tensors and scratch that one inference needs.
  public let arenaBytes: Int

  /// A hostile file may ask for an arena that no honest model needs.
  package static let mostArenaBytes = 1 << 30
  /// Elements that operations visit for one image: seconds of work. A few hundred bytes can ask
  /// for years of it.
  package static let mostVisits: Int64 = 1 << 36

  /// - Parameters:
  ///   - bytes: a `.cupel` file.
  ///   - profile: rounds as that runtime does; nil leaves the rounding that the file carries.
  /// - Throws: `EngineError`.
  public init(
    bytes: [UInt8], profile: DeploymentProfile? = nil
  ) throws(EngineError) {
    file = AlignedBytes(bytes)
    self.profile = profile
    do { model = try ModelView(validating: file.bytes) } catch { throw .format(error) }
    let input = model.tensor(model.input)
    inputShape = [input.channels, input.height, input.width]
    inputScale = Float(bitPattern: input.scaleBits)
    inputZeroPoint = input.zeroPoint
    inputBits = input.bits
    outputCount = model.tensor(model.output).elementCount
    arenaBytes = Interpreter.arenaBytes(for: model)
    guard arenaBytes <= Self.mostArenaBytes else {
      throw .arena(needed: arenaBytes, limit: Self.mostArenaBytes)
    }
    var visits: Int64 = 0
    for index in 0..<model.operationCount {
      // Each term is below 2^62 (the format bounds extents and weights), so no sum here can wrap.
      visits &+= model.visits(index)
      guard (0...Self.mostVisits).contains(visits) else { throw .work(limit: Self.mostVisits) }
    }
  }

  /// The value of a metadata key; nil where the file has none.
  public func metadata(_ key: String) -> String? {
    for index in 0..<model.metadataCount {
      let entry = model.metadata(index)
      if String(decoding: entry.key, as: UTF8.self) == key {
        return String(decoding: entry.value, as: UTF8.self)
      }
    }
    return nil
  }

  /// Calls `body` with the validated view, which must not leave it.
  public func withModel<Result>(_ body: (ModelView) throws -> Result) rethrows -> Result {
    try body(model)
  }

  /// Runs a batch.
  ///
  /// - Parameter inputs: whole images, each [H][W][C] on the input's grid.
  /// - Returns: the outputs, one after another; the same at any thread count.
  /// - Throws: `EngineError.input` where `inputs` is not a whole number of images.
  public func outputs(_ inputs: [Int8], threads: Int) throws(EngineError) -> [Int8] {
    let stride = inputShape.reduce(1, *)
    guard inputs.count % stride == 0 else { throw .input(count: inputs.count, stride: stride) }
    let images = inputs.count / stride
    let outputStride = outputCount
    // All arenas together stay within what one may take.
    let threads = min(threads, max(1, Self.mostArenaBytes / max(arenaBytes, 1)))
    // A few images a piece: enough to forget the cost of handing out pieces.
    let piece = 8
    return [Int8](unsafeUninitializedCapacity: images * outputStride) { buffer, count in
      nonisolated(unsafe) let target = buffer
      inputs.withUnsafeBufferPointer { source in
        nonisolated(unsafe) let source = source
        Parallel.forEach((images + piece - 1) / piece, threads: threads) { index in
          withInterpreter { interpreter in
            for image in index * piece..<min((index + 1) * piece, images) {
              let input = UnsafeBufferPointer(
                rebasing: source[image * stride..<(image + 1) * stride])
              let output = UnsafeMutableBufferPointer(
                rebasing: target[image * outputStride..<(image + 1) * outputStride])
              // Sizes are the model's own, so neither can be wrong.
              try? interpreter.run(input: input, output: output)
            }
          }
        }
      }
      count = images * outputStride
    }
  }

  /// The class with the largest output, one an image; the lowest of equals.
  ///
  /// - Throws: as `outputs`.
  public func classes(_ inputs: [Int8], threads: Int) throws(EngineError) -> [Int] {
    let logits = try outputs(inputs, threads: threads)
    return stride(from: 0, to: logits.count, by: outputCount).map { start in
      var best = start
      for index in start..<start + outputCount where logits[index] > logits[best] { best = index }
      return best - start
    }
  }

  /// Lends an interpreter over an arena that no other thread uses meanwhile.
  private func withInterpreter(_ body: (Interpreter) -> Void) {
    let arena =
      arenas.withLock { $0.popLast() }
      ?? AlignedBytes(count: arenaBytes)
    defer { arenas.withLock { $0.append(arena) } }
    guard
      let interpreter = try? Interpreter(
        model: model, arena: arena.mutableBytes, profile: profile)
    else { preconditionFailure("the arena has the size that the interpreter asked for") }
    body(interpreter)
  }
}

/// Why a model cannot be loaded or fed.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
  case format(FormatError)
  case arena(needed: Int, limit: Int)
  case work(limit: Int64)
  case input(count: Int, stride: Int)

  public var description: String {
    switch self {
    case .format(let error): "\(error)"
    case .arena(let needed, let limit):
      "the model needs an arena of \(needed) bytes; at most \(limit) are given"
    case .work(let limit):
      "one image would take more than \(limit) steps of its operations"
    case .input(let count, let stride):
      "\(count) values are not a whole number of images of \(stride)"
    }
  }
}
