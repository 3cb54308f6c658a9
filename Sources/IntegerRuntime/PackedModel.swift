#if _pointerBitWidth(_64)
  import CCupelIntegerKernels
  import CupelFixedPoint
  import CupelIntegerOperators
  import CupelModelFormat

  /// A model's operations made ready for one instruction set, in memory that the caller gives once:
  /// weights in the order in which the kernels read them, and every constant that they need.
  ///
  /// Nothing of it refers to the model's bytes. Operations that no kernel serves (those that only
  /// move values, and shapes far from any network) keep to the reference kernels.
  public struct PackedModel {
    /// Whose kernels run it.
    public let level: KernelLevel
    /// What was given for speed.
    public let tuning: Tuning
    let operations: UnsafeMutablePointer<PackedOperation>
    let count: Int

    /// What may be given for speed.
    public struct Tuning: Sendable, Equatable {
      /// Bytes of input that an operation stages at a time, where one row of output takes less.
      public var stagingBytes: Int

      /// Kernels stage so many bytes of input at a time; below 0 counts as 0.
      public init(stagingBytes: Int) { self.stagingBytes = stagingBytes }

      /// A whole image or several of most networks.
      public static let fast = Tuning(stagingBytes: 192 << 10)
      /// As little scratch memory as the kernels run in: a row of output at a time.
      public static let small = Tuning(stagingBytes: 0)

      var code: cupel_tuning { cupel_tuning(staging_bytes: Int64(max(stagingBytes, 0))) }
    }

    /// Alignment of the memory's first byte.
    public static var alignment: Int { 64 }

    /// Bytes that packing a model takes; about as many as its weights.
    ///
    /// - Parameters:
    ///   - model: what is to be packed.
    ///   - level: what is to run it.
    ///   - profile: rounds as that runtime does, whatever the file says; nil leaves it as written.
    ///   - tuning: what may be given for speed.
    public static func bytes(
      for model: ModelView, level: KernelLevel, profile: DeploymentProfile?, tuning: Tuning = .fast
    ) -> Int {
      var plan = PackingPlan(model: model, level: level, profile: profile, tuning: tuning)
      for index in 0..<model.operationCount { _ = plan.next(index) }
      return Int(plan.position)
    }

    /// Packs a model's weights.
    ///
    /// - Parameters:
    ///   - model: may go once it is packed.
    ///   - level: one that is available.
    ///   - profile: rounds as that runtime does, whatever the file says; nil leaves it as written.
    ///   - tuning: what may be given for speed.
    ///   - memory: at least `bytes(for:level:profile:tuning:)` at an address divisible by
    ///     `alignment`; must outlive this.
    /// - Throws: `packedSize`, `packedAlignment`, `levelUnavailable`.
    public init(
      _ model: ModelView, level: KernelLevel, profile: DeploymentProfile?, tuning: Tuning = .fast,
      memory: UnsafeMutableRawBufferPointer
    ) throws(RuntimeError) {
      guard level.isAvailable else { throw .levelUnavailable }
      let needed = Self.bytes(for: model, level: level, profile: profile, tuning: tuning)
      guard memory.count >= needed, let base = memory.baseAddress else {
        throw .packedSize(needed: needed)
      }
      guard UInt(bitPattern: base) % UInt(Self.alignment) == 0 else { throw .packedAlignment }
      self.level = level
      self.tuning = tuning
      count = model.operationCount
      operations = base.bindMemory(to: PackedOperation.self, capacity: model.operationCount)
      var plan = PackingPlan(model: model, level: level, profile: profile, tuning: tuning)
      for index in 0..<count {
        (operations + index).initialize(to: plan.packedNext(index, into: base))
        setPlaces(of: index, in: model)
      }
      for index in 0..<count { markFusion(at: index, in: model) }
    }

    private func setPlaces(of index: Int, in model: ModelView) {
      let operation = model.operation(index)
      let operands = operation.operands
      operations[index].output = model.tensor(operation.output).arenaOffset
      // A constant has none, and is left to the reference kernel.
      guard operands.count > 0 else { return }
      operations[index].input = model.tensor(operands[0]).arenaOffset
      operations[index].second = model.tensor(operands[operands.count &- 1]).arenaOffset
    }

    /// Notes whether operation `index` can run the addition behind it in the same pass.
    private func markFusion(at index: Int, in model: ModelView) {
      guard index + 1 < count, operations[index].kind == .weighted,
        operations[index + 1].kind == .addition
      else { return }
      let own = model.operation(index)
      let addition = model.operation(index + 1)
      let (first, second) = (addition.operands[0], addition.operands[1])
      guard first != second, first == own.output || second == own.output else { return }
      let isShortcutFirst = second == own.output
      operations[index].second = model.tensor(isShortcutFirst ? first : second).arenaOffset
      operations[index].isShortcutFirst = isShortcutFirst
      let input = model.tensor(own.input)
      let sum = model.tensor(addition.output)
      let isApart =
        sum.arenaOffset >= input.arenaOffset + input.elementCount
        || input.arenaOffset >= sum.arenaOffset + sum.elementCount
      operations[index].fusion =
        isApart
        ? .always : cupel_reads_first(operations[index].packed) != 0 ? .alone : .never
    }

    /// Scratch that one part of any operation takes on a batch of `images`, a multiple of 64.
    func scratchBytes(images: Int) -> Int64 {
      var most: Int64 = 0
      for index in 0..<count {
        guard let packed = operations[index].packed else { continue }
        most = max(most, cupel_scratch_size(packed, Int32(clamping: images)))
      }
      return most
    }
  }

  /// An operation of a packed model.
  struct PackedOperation {
    enum Kind: UInt8 {
      /// Left to the reference kernel.
      case reference
      case weighted, addition, other
    }

    /// Whether the addition behind the operation can run in the same pass.
    enum Fusion: UInt8 {
      case never
      /// Where nobody else works on the operation: its input is read before the sum, which takes
      /// the input's place, is written.
      case alone
      case always
    }

    var kind = Kind.reference
    var fusion = Fusion.never
    var isShortcutFirst = false
    /// Arena offsets. The second operand is an addition's, or that of the addition behind.
    var input = 0
    var second = 0
    var output = 0
    var packed: OpaquePointer?
  }

  /// Goes through a model's operations and gives each its place in memory.
  private struct PackingPlan {
    let model: ModelView
    let level: KernelLevel
    let profile: DeploymentProfile?
    let tuning: PackedModel.Tuning
    /// Bytes of the operations before the next.
    var taken: Int64 = 0

    /// Where the next operation goes, behind the table of all of them.
    var position: Int64 {
      let table = model.operationCount &* MemoryLayout<PackedOperation>.stride
      return (Int64(table) &+ 63) & ~63 &+ taken
    }

    /// Place and bytes of operation `index`, which must follow the one asked for before; nil where
    /// the reference kernel serves it.
    mutating func next(_ index: Int) -> (offset: Int64, operation: cupel_operation)? {
      let step = Step(model, operation: index, profile: profile)
      guard let operation = step.packable else { return nil }
      let size = withUnsafePointer(to: operation) {
        cupel_packed_size($0, level.code, tuning.code)
      }
      // What a file may make of memory: shapes that pad badly are left to the reference kernels.
      let limit = 2 &* Int64(model.bytes.count) &+ (1 << 20)
      guard size > 0, size <= limit &- taken else { return nil }
      defer { taken = taken &+ size }
      return (position, operation)
    }

    mutating func packedNext(
      _ index: Int, into memory: UnsafeMutableRawPointer
    ) -> PackedOperation {
      var result = PackedOperation()
      guard let (offset, operation) = next(index) else { return result }
      result.packed = withUnsafePointer(to: operation) {
        cupel_pack($0, level.code, tuning.code, memory + Int(offset))
      }
      switch operation.kind {
      case CUPEL_CONVOLUTION, CUPEL_DEPTHWISE: result.kind = .weighted
      case CUPEL_ADD: result.kind = .addition
      default: result.kind = .other
      }
      return result
    }
  }
#endif
