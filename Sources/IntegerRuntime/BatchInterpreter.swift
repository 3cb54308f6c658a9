#if _pointerBitWidth(_64)
  import CCupelIntegerKernels
  import CupelFixedPoint
  import CupelIntegerOperators
  import CupelModelFormat

  /// Runs a validated model on a batch, operation by operation for all images, so that weights are
  /// read once for the batch; and each operation in parts, which threads may share out.
  ///
  /// The memory holds one arena an image, laid out as the file has planned it, and behind them
  /// scratch for each part. Nothing is allocated and no floating-point instruction runs. The
  /// caller keeps the order: every part of an operation before any part of the next.
  public struct BatchInterpreter {
    /// The model that it runs.
    public let model: ModelView
    /// Whose rounding is used: nil for what the file says of each operation.
    public let profile: DeploymentProfile?
    /// Images that the memory has room for.
    public let mostImages: Int
    /// Parts that may run at one time.
    public let mostParts: Int
    /// nil for the reference kernels.
    let packed: PackedModel?
    let base: UnsafeMutablePointer<Int8>
    let imageStride: Int
    let scratch: UnsafeMutableRawPointer
    let scratchStride: Int
    private let inputOffset, inputCount, outputOffset, outputCount: Int
    private let hasOneInput, hasOneOutput: Bool

    /// Alignment of the memory's first byte.
    public static var alignment: Int { 64 }

    /// Bytes of memory for a batch of `images` in `parts`, each at least 1. `Int.max` where no
    /// address space could hold them, and for packed weights of another model.
    public static func bytes(
      for model: ModelView, packed: PackedModel?, images: Int, parts: Int
    ) -> Int {
      guard images >= 1, parts >= 1, packed == nil || packed?.count == model.operationCount else {
        return Int.max
      }
      let arenas = imageStride(of: model).multipliedReportingOverflow(by: images)
      let scratch = scratchStride(of: model, packed: packed, images: images)
        .multipliedReportingOverflow(by: parts)
      let sum = arenas.partialValue.addingReportingOverflow(scratch.partialValue)
      return arenas.overflow || scratch.overflow || sum.overflow ? Int.max : sum.partialValue
    }

    private static func imageStride(of model: ModelView) -> Int { (model.arenaSize &+ 63) & ~63 }

    private static func scratchStride(
      of model: ModelView, packed: PackedModel?, images: Int
    ) -> Int {
      var most = packed?.scratchBytes(images: images) ?? 0
      for index in 0..<model.operationCount where packed?.operations[index].packed == nil {
        most = max(most, Step(model, operation: index, profile: nil).scratchBytes)
      }
      return Int(clamping: (most &+ 63) & ~63)
    }

    /// Makes a model ready to run in memory of the caller's.
    ///
    /// - Parameters:
    ///   - model: must outlive this, as its bytes must.
    ///   - packed: made of this model under this profile; nil runs the reference kernels.
    ///   - profile: rounds as that runtime does, whatever the file says; nil leaves it as written.
    ///   - images: the most that are to run together, at least 1.
    ///   - parts: the most that an operation is to be cut into, at least 1.
    ///   - memory: at least `bytes(for:packed:images:parts:)` at an address divisible by
    ///     `alignment`; what it holds does not matter.
    /// - Throws: `otherModel`, `arenaSize`, `arenaAlignment`.
    public init(
      model: ModelView, packed: PackedModel?, profile: DeploymentProfile? = nil, images: Int,
      parts: Int, memory: UnsafeMutableRawBufferPointer
    ) throws(RuntimeError) {
      guard packed == nil || packed?.count == model.operationCount else { throw .otherModel }
      let needed = Self.bytes(for: model, packed: packed, images: images, parts: parts)
      guard memory.count >= needed, let start = memory.baseAddress else {
        throw .arenaSize(needed: needed)
      }
      guard UInt(bitPattern: start) % UInt(Self.alignment) == 0 else { throw .arenaAlignment }
      self.model = model
      self.packed = packed
      self.profile = profile
      mostImages = images
      mostParts = parts
      imageStride = Self.imageStride(of: model)
      scratchStride = Self.scratchStride(of: model, packed: packed, images: images)
      base = start.bindMemory(to: Int8.self, capacity: imageStride &* images)
      scratch = start + imageStride &* images
      let (input, output) = (model.tensor(model.input), model.tensor(model.output))
      (inputOffset, inputCount) = (input.arenaOffset, input.byteCount)
      (outputOffset, outputCount) = (output.arenaOffset, output.byteCount)
      hasOneInput = model.inputBytes == inputCount
      hasOneOutput = model.outputBytes == outputCount
    }

    /// Copies an image, [H][W][C] on the input's grid, to where the model reads it; of several
    /// inputs, all, which come in the order of their indices. Of 16 bits an element is two bytes, the
    /// lower first.
    package func setInput(_ values: UnsafePointer<Int8>, image: Int) {
      guard !hasOneInput else {
        (base + (image &* imageStride &+ inputOffset)).update(from: values, count: inputCount)
        return
      }
      var next = values
      for index in 0..<model.tensorCount where model.isInput(index) {
        let own = tensor(index, image: image)
        own.baseAddress?.update(from: next, count: own.count)
        next += own.count
      }
    }

    /// Copies an image's output tensor; of several, all in the order of their indices.
    package func copyOutput(image: Int, to values: UnsafeMutablePointer<Int8>) {
      guard !hasOneOutput else {
        values.update(from: base + (image &* imageStride &+ outputOffset), count: outputCount)
        return
      }
      var next = values
      for index in 0..<model.tensorCount where model.isOutput(index) {
        let own = tensor(index, image: image)
        if let source = own.baseAddress { next.update(from: source, count: own.count) }
        next += own.count
      }
    }

    /// Where the bytes of tensor `index` of an image lie. It holds its values from the operation that makes it
    /// until the last one that reads it; then others may take its place.
    package func tensor(_ index: Int, image: Int) -> UnsafeMutableBufferPointer<Int8> {
      let tensor = model.tensor(index)
      return UnsafeMutableBufferPointer(
        start: base + (image &* imageStride &+ tensor.arenaOffset), count: tensor.byteCount)
    }

    /// Parts in which operation `index` is worth splitting for `images` images.
    package func usefulParts(operation index: Int, images: Int) -> Int {
      guard let kernel = packed?.operations[index].packed else { return min(images, mostParts) }
      return min(Int(cupel_useful_parts(kernel, Int32(images))), mostParts)
    }

    /// Whether running operation `index` in `parts` parts can take the addition behind it along.
    package func fuses(operation index: Int, parts: Int) -> Bool {
      switch packed?.operations[index].fusion {
      case .always: true
      case .alone: parts == 1
      case .never, nil: false
      }
    }

    /// Runs a part of an operation.
    ///
    /// - Parameters:
    ///   - index: of the operation.
    ///   - images: runs images 0 ..< images, at most `mostImages`.
    ///   - part: in 0 ..< parts.
    ///   - parts: at most `mostParts`.
    ///   - fused: runs the addition behind the operation as well; only where `fuses` says that it
    ///     can.
    package func execute(
      operation index: Int, images: Int, part: Int = 0, of parts: Int = 1, fused: Bool = false
    ) {
      let scratch = scratch + part &* scratchStride
      guard let own = packed?.operations[index], let kernel = own.packed else {
        // Parts of a reference kernel are whole images.
        for image in images &* part / parts..<images &* (part &+ 1) / parts {
          Step(model, operation: index, profile: profile)
            .run(in: StepMemory(arena: base + image &* imageStride, scratch: scratch))
        }
        return
      }
      if fused, let next = packed?.operations[index &+ 1], let addition = next.packed {
        cupel_run_with_addition(
          kernel, addition, base + own.input, base + own.second, own.isShortcutFirst ? 1 : 0,
          base + own.output, base + next.output, Int64(imageStride), Int32(images), Int32(part),
          Int32(parts), scratch)
      } else {
        cupel_run(
          kernel, base + own.input, base + own.second, base + own.output, Int64(imageStride),
          Int32(images), Int32(part), Int32(parts), scratch)
      }
    }

    /// Runs operation `index` for images 0 ..< images on the calling thread, and the addition
    /// behind it in the same pass where that is faster: one step of what `run` does, to be timed.
    ///
    /// - Returns: the index of the operation that comes next.
    /// - Throws: `outOfRange` unless there is such an operation and room for so many images.
    public func step(operation index: Int, images: Int) throws(RuntimeError) -> Int {
      guard index >= 0, index < model.operationCount, images >= 1, images <= mostImages else {
        throw .outOfRange
      }
      let fused = fuses(operation: index, parts: 1)
      execute(operation: index, images: images, fused: fused)
      return fused ? index &+ 2 : index &+ 1
    }

    /// Runs the whole model on images 0 ..< images, on the calling thread.
    package func run(images: Int) {
      let count = model.operationCount
      guard let packed else {
        for index in 0..<count { execute(operation: index, images: images) }
        return
      }
      var index = 0
      while index < count {
        // The smallest networks take a microsecond: no copies and no views on the way.
        let own = packed.operations + index
        if let kernel = own.pointee.packed, own.pointee.fusion == .never {
          cupel_run(
            kernel, base + own.pointee.input, base + own.pointee.second, base + own.pointee.output,
            Int64(imageStride), Int32(images), 0, 1, scratch)
          index &+= 1
        } else {
          let fused = fuses(operation: index, parts: 1)
          execute(operation: index, images: images, fused: fused)
          index &+= fused ? 2 : 1
        }
      }
    }
  }
#endif
