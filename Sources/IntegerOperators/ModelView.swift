import CupelModelFormat

/// A `.cupel` file in memory, validated once.
///
/// What a view hands out satisfies every rule of `docs/format.md`, so whoever executes it need
/// not check again. The view does not own the bytes: they must stay in place and unchanged for
/// as long as the view, or anything it handed out, is used.
public struct ModelView {
  /// The whole file.
  public let bytes: UnsafeRawBufferPointer
  /// Bytes of arena that the tensors need; a multiple of 16. The arena's base must be 16-aligned.
  public let arenaSize: Int
  /// Index of the input tensor; of several, the first.
  public let input: Int
  /// Index of the output tensor; of several, the one that answers.
  public let output: Int
  /// Tensors of the file, 1 to 4096.
  public let tensorCount: Int
  /// Operations of the file, one for each tensor that is no input.
  public let operationCount: Int
  /// Metadata entries of the file.
  public let metadataCount: Int
  private let operations, operands, metadataRecords: Int

  /// Checks the whole file.
  ///
  /// - Parameter bytes: the file and nothing else, at an address divisible by 16.
  /// - Throws: the first rule that the file breaks. Takes time linear in the file, plus at most
  ///   4096² / 2 comparisons for the arena; no heap.
  public init(validating bytes: UnsafeRawBufferPointer) throws(FormatError) {
    let header = try Header(validating: bytes)
    let validator = Validator(header: header, file: bytes.baseAddress!)
    try validator.checkTensors()
    try validator.checkStrings()
    try validator.checkOperations()
    try validator.checkLastUses()
    try validator.checkArena()
    self.init(header: header, bytes: bytes)
  }

  init(header: Header, bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    arenaSize = header.arenaSize
    input = header.input
    output = header.output
    tensorCount = header.tensors.count
    operationCount = header.operations.count
    metadataCount = header.metadata.count
    operations = header.operations.offset
    operands = header.operands.offset
    metadataRecords = header.metadata.offset
  }

  private var file: UnsafeRawPointer { bytes.baseAddress! }

  /// - Precondition: `index` lies in 0..<tensorCount.
  public func tensor(_ index: Int) -> TensorView {
    precondition(index >= 0 && index < tensorCount)
    return TensorView(record: Layout.headerSize &+ index &* Layout.tensorSize, in: file)
  }

  /// Whether tensor `index` is written before a run.
  ///
  /// - Precondition: `index` lies in 0..<tensorCount.
  public func isInput(_ index: Int) -> Bool { tensor(index).born == 0 }

  /// Whether tensor `index` is read after a run.
  ///
  /// - Precondition: `index` lies in 0..<tensorCount.
  public func isOutput(_ index: Int) -> Bool { tensor(index).lastUse == operationCount &+ 1 }

  /// Bytes of all inputs together: as many as elements, of 16 bits twice as many.
  public var inputBytes: Int { bytes(ofInputs: true) }

  /// Bytes of all outputs together.
  public var outputBytes: Int { bytes(ofInputs: false) }

  private func bytes(ofInputs: Bool) -> Int {
    var count = 0
    for index in 0..<tensorCount where ofInputs ? isInput(index) : isOutput(index) {
      count = count &+ tensor(index).byteCount
    }
    return count
  }

  /// Operations run in this order.
  ///
  /// - Precondition: `index` lies in 0..<operationCount.
  public func operation(_ index: Int) -> OperationView {
    precondition(index >= 0 && index < operationCount)
    return OperationView(
      record: operations &+ index &* Layout.operationSize, operands: operands, in: file)
  }

  /// Keys ascend. Both are UTF-8, not terminated.
  ///
  /// - Precondition: `index` lies in 0..<metadataCount.
  public func metadata(
    _ index: Int
  ) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    precondition(index >= 0 && index < metadataCount)
    let record = file + metadataRecords + index &* Layout.metadataSize
    return (
      UnsafeRawBufferPointer(start: file + record.number(0), count: record.number(4)),
      UnsafeRawBufferPointer(start: file + record.number(8), count: record.number(12))
    )
  }
}
