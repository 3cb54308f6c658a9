import CupelDatasets
import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport

/// A `.cupel` model ready to run on the workstation: bytes validated once, weights packed once for
/// the instruction set, memory kept from run to run.
public final class IntegerEngine: Sendable {
  private let file: AlignedBytes
  /// View of `file`, which never changes and lives as long as this.
  private nonisolated(unsafe) let model: ModelView
  /// Whose rounding runs; nil for the one that the file carries.
  public let profile: DeploymentProfile?
  /// Which kernels run.
  public let instructionSet: InstructionSet
  private let packedBytes: AlignedBytes?
  /// Lies in `packedBytes`, which never changes either; nil for the reference kernels.
  private nonisolated(unsafe) let packed: PackedModel?
  private let workspaces = Guarded<[Workspace]>([])

  /// The tensors that a run reads, and those that it gives, in the order of their values.
  public let inputs, outputs: [EngineTensor]
  /// Which of the outputs answers: the logits of a classifier.
  public let answer: EngineTensor

  /// Extents of the input; of several, the first's, as of what follows.
  public let inputShape: ImageShape
  /// The scale of the input's grid: a real value is scale · (integer − zero point).
  public let inputScale: Float
  /// The zero point of the input's grid.
  public let inputZeroPoint: Int
  /// Bits of the input's grid.
  public let inputBits: Int
  /// Bytes of all inputs together: as many as elements, of 16 bits twice as many.
  public let inputCount: Int
  /// Bytes of all outputs together, normally the logits.
  public let outputCount: Int
  /// Bytes of tensors and scratch that one inference needs on a device, by the reference kernels.
  public let arenaBytes: Int
  /// Bytes of tensors, scratch and packed weights that one inference needs here, on one thread.
  public let hostBytes: Int
  /// Bytes of the file.
  public var fileBytes: Int { file.bytes.count }

  /// A hostile file may ask for an arena that no honest model needs.
  package static let mostArenaBytes = 1 << 30
  /// Elements that operations visit for one image: seconds of work. A few hundred bytes can ask
  /// for years of it.
  package static let mostVisits: Int64 = 1 << 36
  /// No machine has use for more, and each that helps is a thread that stays.
  private static let mostThreads = 256
  /// A few bytes of input may ask for an output as large as a tensor may be.
  private static let mostOutputBytes = 1 << 31

  /// What may be given for speed.
  public enum MemoryUse: String, CaseIterable, Sendable {
    /// Scratch memory for whole images.
    case fast
    /// Scratch memory for a row at a time.
    case small

    var tuning: PackedModel.Tuning { self == .fast ? .fast : .small }
  }

  /// Reads a model and makes it ready to run.
  ///
  /// - Parameters:
  ///   - bytes: a `.cupel` file.
  ///   - profile: rounds as that runtime does; nil leaves the rounding that the file carries.
  ///   - instructionSet: nil for `InstructionSet.standard()`.
  ///   - memory: what may be given for speed; the results are the same.
  /// - Throws: `EngineError`.
  public init(
    bytes: consuming [UInt8], profile: DeploymentProfile? = nil,
    instructionSet: InstructionSet? = nil, memory: MemoryUse = .fast
  ) throws(EngineError) {
    let chosen: InstructionSet
    if let instructionSet { chosen = instructionSet } else { chosen = try .standard() }
    guard chosen.isAvailable else { throw .instructionSet(chosen.rawValue) }
    self.instructionSet = chosen
    file = AlignedBytes(bytes)
    // A caller that gave its bytes away is not to pay for both while weights are packed.
    bytes = []
    self.profile = profile
    do { model = try ModelView(validating: file.bytes) } catch { throw .format(error) }
    let input = model.tensor(model.input)
    inputShape = ImageShape(
      channels: input.channels, height: input.height, width: input.width)
    inputScale = Float(bitPattern: input.scaleBits)
    inputZeroPoint = input.zeroPoint
    inputBits = input.bits
    inputs = EngineTensor.list(model, where: model.isInput)
    let outputs = EngineTensor.list(model, where: model.isOutput)
    let answer = model.output
    self.outputs = outputs
    self.answer = outputs.first { $0.tensor == answer } ?? outputs[0]
    inputCount = inputs.reduce(0) { $0 + $1.values.count }
    outputCount = outputs.reduce(0) { $0 + $1.values.count }
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
    (packedBytes, packed) = try Self.pack(
      model, level: chosen.level, profile: profile, tuning: memory.tuning)
    hostBytes =
      BatchInterpreter.bytes(for: model, packed: packed, images: 1, parts: 1)
      + (packedBytes?.bytes.count ?? 0)
    guard hostBytes <= Self.mostArenaBytes + 3 * file.bytes.count else {
      throw .arena(needed: hostBytes, limit: Self.mostArenaBytes)
    }
  }

  private static func pack(
    _ model: ModelView, level: KernelLevel?, profile: DeploymentProfile?,
    tuning: PackedModel.Tuning
  ) throws(EngineError) -> (AlignedBytes?, PackedModel?) {
    guard let level else { return (nil, nil) }
    let memory = AlignedBytes(
      count: PackedModel.bytes(for: model, level: level, profile: profile, tuning: tuning))
    do {
      let packed = try PackedModel(
        model, level: level, profile: profile, tuning: tuning, memory: memory.mutableBytes)
      return (memory, packed)
    } catch {
      throw .instructionSet("\(level)")
    }
  }

  /// Calls `body` with the file's bytes, which must not leave it.
  public func withFile<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try body(file.bytes)
  }

  /// The value of a metadata key; nil where the file has none.
  public func metadata(_ key: String) -> String? {
    (0..<model.metadataCount).lazy.map { self.model.metadata($0) }
      .first { String(decoding: $0.key, as: UTF8.self) == key }
      .map { String(decoding: $0.value, as: UTF8.self) }
  }

  /// Calls `body` with the validated view, which must not leave it.
  public func withModel<Result>(_ body: (ModelView) throws -> Result) rethrows -> Result {
    try body(model)
  }

  /// Runs a batch.
  ///
  /// - Parameters:
  ///   - inputs: whole images, each [H][W][C] on the input's grid; none at all is fine. Of 16 bits an
  ///     element is two bytes, the lower first, as of the outputs. Of a model with several inputs, all inputs of an image stand together, as `inputs` lists them.
  ///   - threads: the most that work at once; below 1 counts as 1, above 256 as 256.
  /// - Returns: the outputs, one after another; the same at any thread count. Of several outputs,
  ///   all of an image stand together, as `outputs` lists them.
  /// - Throws: `EngineError.input` where `inputs` is not a whole number of images,
  ///   `EngineError.batch` where the outputs would take more than 2 GiB.
  public func outputs(_ inputs: [Int8], threads: Int) throws(EngineError) -> [Int8] {
    let count = try outputs(for: images(in: inputs.count))
    return [Int8](unsafeUninitializedCapacity: count) { buffer, initialized in
      inputs.withUnsafeBufferPointer { source in
        work(
          source, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]), threads: threads)
      }
      initialized = count
    }
  }

  /// How many images so many values are.
  func images(in values: Int) throws(EngineError) -> Int {
    guard values % inputCount == 0 else { throw .input(count: values, stride: inputCount) }
    return values / inputCount
  }

  /// How many values the outputs of so many images are.
  private func outputs(for images: Int) throws(EngineError) -> Int {
    let (count, overflow) = images.multipliedReportingOverflow(by: outputCount)
    guard !overflow, count <= Self.mostOutputBytes else {
      throw .batch(images: images, limit: Self.mostOutputBytes)
    }
    return count
  }

  /// Runs a batch in the caller's memory.
  ///
  /// - Parameters:
  ///   - inputs: whole images, each [H][W][C] on the input's grid; none at all is fine.
  ///   - outputs: as many outputs as images; must not overlap `inputs`.
  ///   - threads: the most that work at once; below 1 counts as 1, above 256 as 256.
  /// - Throws: `EngineError.input` and `EngineError.output` where a size does not fit; nothing is
  ///   written then.
  public func run(
    _ inputs: UnsafeBufferPointer<Int8>, into outputs: UnsafeMutableBufferPointer<Int8>,
    threads: Int
  ) throws(EngineError) {
    let needed = try self.outputs(for: images(in: inputs.count))
    guard outputs.count == needed else { throw .output(count: outputs.count, needed: needed) }
    work(inputs, into: outputs, threads: threads)
  }

  /// As `run`, with sizes that fit.
  private func work(
    _ inputs: UnsafeBufferPointer<Int8>, into outputs: UnsafeMutableBufferPointer<Int8>,
    threads: Int
  ) {
    let images = inputs.count / inputCount
    guard images > 0 else { return }
    // All memory together stays within what one arena may take.
    let threads = min(
      max(threads, 1), Self.mostThreads, max(1, Self.mostArenaBytes / max(hostBytes, 1)))
    let batch = Batch(inputs: inputs, outputs: outputs, images: images)
    if images < threads {
      runTogether(batch, threads: threads)
      return
    }
    let piece = min(mostImages, (images + threads - 1) / threads)
    let pieces = (images + piece - 1) / piece
    if threads == 1 {
      let workspace = workspace(images: piece, parts: 1)
      for index in 0..<pieces {
        run(batch, index * piece..<min((index + 1) * piece, images), in: workspace)
      }
      keep(workspace)
      return
    }
    let shares = Pieces(pieces)
    let share: @Sendable () -> Void = { [self] in
      var workspace: Workspace?
      shares.work { index in
        let own = workspace ?? self.workspace(images: piece, parts: 1)
        workspace = own
        run(batch, index * piece..<min((index + 1) * piece, images), in: own)
      }
      if let workspace { keep(workspace) }
    }
    WorkerPool.shared.invite(min(threads, pieces) - 1, share)
    share()
    shares.wait()
  }

  /// The images of one run. Each thread reads and writes images of its own.
  private struct Batch: @unchecked Sendable {
    var inputs: UnsafeBufferPointer<Int8>
    var outputs: UnsafeMutableBufferPointer<Int8>
    var images: Int
  }

  /// Images to run at a time: enough to read weights once for several, few enough for their
  /// tensors to stay in a core's cache.
  private var mostImages: Int {
    guard packed != nil else { return 1 }
    return min(max(Self.cachedBytes / max(model.arenaSize, 1), 1), Self.mostBatch)
  }
  private static let cachedBytes = 1 << 20
  private static let mostBatch = 32

  /// Fewer images than threads: the threads share each operation.
  private func runTogether(_ batch: Batch, threads: Int) {
    // Parts are numbered in 16 bits, and no operation has so many.
    let threads = min(threads, 64)
    let workspace = workspace(images: batch.images, parts: threads)
    defer { keep(workspace) }
    load(batch.inputs, 0..<batch.images, into: workspace)
    let shared = SharedRun(workspace, images: batch.images, threads: threads)
    WorkerPool.shared.invite(threads - 1) { shared.help() }
    shared.lead()
    store(batch, 0..<batch.images, from: workspace)
  }

  private func run(_ batch: Batch, _ range: Range<Int>, in workspace: Workspace) {
    load(batch.inputs, range, into: workspace)
    workspace.interpreter.run(images: range.count)
    store(batch, range, from: workspace)
  }

  func load(_ inputs: UnsafeBufferPointer<Int8>, _ range: Range<Int>, into workspace: Workspace) {
    guard let source = inputs.baseAddress else { return }
    for (place, image) in range.enumerated() {
      workspace.interpreter.setInput(source + image * inputCount, image: place)
    }
  }

  private func store(_ batch: Batch, _ range: Range<Int>, from workspace: Workspace) {
    guard let target = batch.outputs.baseAddress else { return }
    for (place, image) in range.enumerated() {
      workspace.interpreter.copyOutput(image: place, to: target + image * outputCount)
    }
  }

  /// The class with the largest value of the output that answers, one an image; the lowest of
  /// equals.
  ///
  /// - Throws: as `outputs`.
  public func classes(_ inputs: [Int8], threads: Int) throws(EngineError) -> [Int] {
    classes(of: try outputs(inputs, threads: threads))
  }

  /// The classes that the outputs of whole images name.
  package func classes(of outputs: [Int8]) -> [Int] {
    if answer.bits == 16 { return wideClasses(of: outputs) }
    return stride(from: 0, through: outputs.count - outputCount, by: outputCount).map { image in
      let start = image + answer.values.lowerBound
      var best = start
      for index in start..<image + answer.values.upperBound where outputs[index] > outputs[best] {
        best = index
      }
      return best - start
    }
  }

  private func wideClasses(of outputs: [Int8]) -> [Int] {
    stride(from: 0, through: outputs.count - outputCount, by: outputCount).map { image in
      let own = image + answer.values.lowerBound..<image + answer.values.upperBound
      let values = EngineTensor.integers(outputs[own], bits: 16)
      return values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
  }

  /// Takes a workspace with room for so many images and parts, kept from an earlier run or new.
  func workspace(images: Int, parts: Int) -> Workspace {
    let kept = workspaces.withLock { kept -> Workspace? in
      // Nearly always the last one.
      let place = kept.lastIndex {
        $0.interpreter.mostImages >= images && $0.interpreter.mostParts >= parts
      }
      return place.map { kept.remove(at: $0) }
    }
    if let kept { return kept }
    let memory = AlignedBytes(
      count: BatchInterpreter.bytes(for: model, packed: packed, images: images, parts: parts))
    guard
      let interpreter = try? BatchInterpreter(
        model: model, packed: packed, profile: profile, images: images, parts: parts,
        memory: memory.mutableBytes)
    else { preconditionFailure("the memory has the size that the interpreter asked for") }
    return Workspace(interpreter: interpreter, memory: memory)
  }

  /// Keeps a workspace for the next run; of many only the latest.
  func keep(_ workspace: Workspace) {
    workspaces.withLock { kept in
      kept.append(workspace)
      if kept.count > Self.mostKept { kept.removeFirst() }
    }
  }
  private static let mostKept = 64
}

/// Why a model cannot be loaded or fed.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The bytes are no valid `.cupel` file.
  case format(FormatError)
  /// The model needs more memory, in bytes, than one may take.
  case arena(needed: Int, limit: Int)
  /// One image would take more steps than one may.
  case work(limit: Int64)
  /// Values that are not a whole number of images of `stride`.
  case input(count: Int, stride: Int)
  /// Memory for outputs that is not as large as the outputs of all images.
  case output(count: Int, needed: Int)
  /// More images than may be run at one time.
  case batch(images: Int, limit: Int)
  /// A name that is no instruction set's, or one that this machine has not.
  case instructionSet(String)

  /// The rule that is broken, in a sentence.
  public var description: String {
    switch self {
    case .format(let error): "\(error)"
    case .arena(let needed, let limit):
      "the model needs an arena of \(needed) bytes; at most \(limit) are given"
    case .work(let limit):
      "one image would take more than \(limit) steps of its operations"
    case .input(let count, let stride):
      "\(count) values are not a whole number of images of \(stride)"
    case .output(let count, let needed):
      "there is room for \(count) outputs, and the images have \(needed)"
    case .batch(let images, let limit):
      "the outputs of \(images) images take more than \(limit) bytes; run fewer at a time"
    case .instructionSet(let name):
      "'\(name)' is no instruction set of this machine; it has "
        + InstructionSet.available.map(\.rawValue).joined(separator: ", ")
    }
  }
}
