/// Why a file is not a `.cupel` file: the rule it breaks, and where.
public struct FormatError: Error, Equatable, Sendable {
  /// The rule that is broken.
  public let rule: FormatRule
  /// The record that breaks it.
  public let record: FormatRecord
  /// Byte offset in the file of the field that breaks the rule.
  public let offset: Int

  package init(_ rule: FormatRule, _ record: FormatRecord, at offset: Int) {
    self.rule = rule
    self.record = record
    self.offset = offset
  }
}

/// The record that a `FormatError` is about, by its index.
public enum FormatRecord: Equatable, Sendable {
  /// The header at the start of the file.
  case header
  /// A tensor's record, by the tensor's index.
  case tensor(Int)
  /// An operation's record, by the operation's index.
  case operation(Int)
  /// A metadata entry, by its index.
  case metadata(Int)

  /// Throws `rule`, broken at a byte of the file, unless it is met.
  @inline(__always)
  package func demand(_ isMet: Bool, _ rule: FormatRule, at offset: Int) throws(FormatError) {
    if !isMet { throw FormatError(rule, self, at: offset) }
  }
}

/// The rules of `docs/format.md`, each with the code that document gives it.
public enum FormatRule: UInt8, CaseIterable, Sendable {
  // The file and its header.
  /// The file must lie at an address divisible by 16.
  case baseAlignment = 1
  /// The file must hold at least its header.
  case tooShort
  /// The file must be smaller than 2 GiB.
  case tooLong
  /// The file must begin with the magic bytes.
  case magic
  /// The version must be one that this reader knows, the minor one the lowest that fits.
  case version
  /// The header size must be 128.
  case headerSize
  /// The stated file size must be the file's.
  case fileSize
  /// Reserved bytes must be zero.
  case reserved
  /// The SHA-256 digest must be the file's.
  case digest
  /// Sections must follow each other in order without a gap or an overlap.
  case sectionPlace
  /// The gap before the constants must be zero.
  case sectionGap
  /// There must be 1 to 4096 tensors.
  case tensorCount
  /// There must be one operation fewer than tensors.
  case operationCount
  /// The input must be a tensor of 8 or 16 bits that exists from the start.
  case inputTensor
  /// The output must be a tensor that lives to the end.
  case outputTensor
  /// The arena must end where its last tensor ends, rounded up to 16.
  case arenaSize

  // Strings and metadata.
  /// Strings must follow each other in their records' order and fill the section.
  case stringPlace
  /// Names and values must be UTF-8, names without control characters.
  case stringText
  /// A metadata key must be 1 or more printable ASCII characters.
  case metadataKey
  /// Metadata keys must ascend, each one once.
  case metadataOrder

  // Tensors.
  /// Height, width and channels must each be at least 1.
  case extent
  /// A tensor must have at most 2^31 - 1 elements.
  case elementCount
  /// An activation must have 16, 8 or 4 bits.
  case bits
  /// A zero point must lie on its tensor's grid.
  case zeroPoint
  /// A tensor's scale must be finite and positive.
  case tensorScale
  /// A tensor's arena offset must be a multiple of 16 inside the arena.
  case arenaPlace
  /// A tensor must be born when its operation runs, the input at 0.
  case born
  /// A tensor's last use must be the last operation that reads it.
  case lastUse
  /// Tensors that live at the same time must not share bytes of the arena.
  case arenaOverlap

  // Operations.
  /// The operation's kind must be known.
  case kind
  /// The rounding mode must be known.
  case rounding
  /// A field that the operation does not use must be zero.
  case unusedField
  /// Operands must follow each other in operation order and fill the section.
  case operandPlace
  /// The operation must have as many operands as its kind takes.
  case operandCount
  /// An operand must be a tensor of the file.
  case operandIndex
  /// An operand must be defined before it is used.
  case operandOrder
  /// The output must be a tensor that only this operation defines.
  case outputIndex
  /// The output's extent must be what the operation gives.
  case outputExtent
  /// Bits, zero point and scale of input and output must be equal here.
  case grids
  /// Low must not exceed high, and both must lie on the output's grid.
  case clampRange
  /// Kernel, stride and dilation must be 1 to 65535.
  case windowStep
  /// Padding must be smaller than the dilated kernel, and no window all padding.
  case windowPadding
  /// The output must have as many windows as fit.
  case windowOutput
  /// A pool's window must have fewer than 2^23 taps.
  case poolArea
  /// Groups must divide input and output channels.
  case groups
  /// Padding must not be negative and must fit the output.
  case padding
  /// A slice must start and end inside its input, with steps of at least 1.
  case slice
  /// The axis must be 0, 1 or 2.
  case axis

  // Weights and what scales them.
  /// Weights must have 8 or 4 bits.
  case weightBits
  /// Constants must follow each other in operation order and fill the section.
  case constantPlace
  /// Gaps between constants must be zero.
  case constantGap
  /// The nibble that fills up a row must be zero.
  case weightPadding
  /// A multiplier must be 0 or of magnitude 2^30 to 2^31 - 1.
  case multiplier
  /// A shift must lie in -31...30, or -31...0 in an addition.
  case shift
  /// A ratio must be finite and agree with its multiplier and shift.
  case ratio
  /// A weight scale must be finite.
  case weightScale
  /// The accumulator must be proved to stay below 2^31, or 2^47 where it has 64 bits.
  case overflow

  // Softmax, lookups and constants.
  /// A softmax must have at most 4095 channels, and a scale of 1/256 from −128 on or 1/32768.
  case softmax
  /// A table's or constant's value must lie on the output's grid.
  case offGrid
  /// A table that names its function must hold that function's values.
  case table
  /// A gather must take elements that its input has.
  case gather
  /// A resize must have at most 65535 rows and columns, and align corners or take half pixels.
  case resize
  /// A layer normalization must have at most 32768 channels.
  case layerNormalization
}

extension FormatRule {
  /// What the rule demands.
  public var text: StaticString {
    switch self {
    case .baseAlignment: "the file must lie at an address divisible by 16"
    case .tooShort: "the file must hold at least its header"
    case .tooLong: "the file must be smaller than 2 GiB"
    case .magic: "the file must begin with the magic bytes"
    case .version:
      "the version must be one that this reader knows, the minor one the lowest that fits"
    case .headerSize: "the header size must be 128"
    case .fileSize: "the stated file size must be the file's"
    case .reserved: "reserved bytes must be zero"
    case .digest: "the SHA-256 digest must be the file's"
    case .sectionPlace: "sections must follow each other in order without a gap or an overlap"
    case .sectionGap: "the gap before the constants must be zero"
    case .tensorCount: "there must be 1 to 4096 tensors"
    case .operationCount: "there must be one operation for each tensor that is no input"
    case .inputTensor:
      "the header must name the first input, and each input must have 8 or 16 bits"
    case .outputTensor: "the output must be a tensor that lives to the end"
    case .arenaSize: "the arena must end where its last tensor ends, rounded up to 16"
    case .stringPlace: "strings must follow each other in their records' order and fill the section"
    case .stringText: "names and values must be UTF-8, names without control characters"
    case .metadataKey: "a metadata key must be 1 or more printable ASCII characters"
    case .metadataOrder: "metadata keys must ascend, each one once"
    case .extent: "height, width and channels must each be at least 1"
    case .elementCount: "a tensor must have at most 2^31 - 1 elements"
    case .bits: "an activation must have 16, 8 or 4 bits"
    case .zeroPoint: "a zero point must lie on its tensor's grid, and be 0 on one of 16 bits"
    case .tensorScale: "a tensor's scale must be finite and positive"
    case .arenaPlace: "a tensor's arena offset must be a multiple of 16 inside the arena"
    case .born: "a tensor must be born when its operation runs, the input at 0"
    case .lastUse: "a tensor's last use must be the last operation that reads it"
    case .arenaOverlap: "tensors that live at the same time must not share bytes of the arena"
    case .kind: "the operation's kind must be known"
    case .rounding: "the rounding mode must be known"
    case .unusedField: "a field that the operation does not use must be zero"
    case .operandPlace: "operands must follow each other in operation order and fill the section"
    case .operandCount: "the operation must have as many operands as its kind takes"
    case .operandIndex: "an operand must be a tensor of the file"
    case .operandOrder: "an operand must be defined before it is used"
    case .outputIndex: "the output must be a tensor that only this operation defines"
    case .outputExtent: "the output's extent must be what the operation gives"
    case .grids: "bits, zero point and scale of input and output must be equal here"
    case .clampRange: "low must not exceed high, and both must lie on the output's grid"
    case .windowStep: "kernel, stride and dilation must be 1 to 65535"
    case .windowPadding:
      "padding must be smaller than the dilated kernel, and no window all padding"
    case .windowOutput: "the output must have as many windows as fit"
    case .poolArea: "a pool's window must have fewer than 2^23 taps, on 16 bits 2^15"
    case .groups: "groups must divide input and output channels"
    case .padding: "padding must not be negative and must fit the output"
    case .slice: "a slice must start and end inside its input, with steps of at least 1"
    case .axis: "the axis must be 0, 1 or 2"
    case .weightBits: "weights must have 8 or 4 bits"
    case .constantPlace: "constants must follow each other in operation order and fill the section"
    case .constantGap: "gaps between constants must be zero"
    case .weightPadding: "the nibble that fills up a row must be zero"
    case .multiplier: "a multiplier must be 0 or of magnitude 2^30 to 2^31 - 1"
    case .shift: "a shift must lie in -31...30, or -31...0 in an addition"
    case .ratio: "a ratio must be finite and agree with its multiplier and shift"
    case .weightScale: "a weight scale must be finite"
    case .overflow: "the accumulator must be proved to stay below 2^31, or 2^47 where it has 64 bits"
    case .softmax:
      "a softmax must have at most 4095 channels, and a scale of 1/256 from -128 on or 1/32768"
    case .offGrid: "a table's or constant's value must lie on the output's grid"
    case .table: "a table that names its function must hold that function's values"
    case .gather: "a gather must take elements that its input has"
    case .resize:
      "a resize must have at most 65535 rows and columns, and align corners or take half pixels"
    case .layerNormalization: "a layer normalization must have at most 32768 channels"
    }
  }
}
