import FixedPoint

/// One operation of a validated file. Pointers lead into the file's bytes and live as long as
/// they do.
public struct OperationView {
  /// UTF-8, not terminated.
  public let name: UnsafeRawBufferPointer
  public let kind: OperationKind
  public let operands: OperandList
  /// Index of the output tensor.
  public let output: Int

  /// Index of the only, or the first, input tensor.
  public var input: Int { operands[0] }

  init(record offset: Int, operands list: Int, in file: UnsafeRawPointer) {
    let record = OperationRecord(offset: offset, in: file)
    name = UnsafeRawBufferPointer(
      start: file + file.number(offset &+ Layout.Operation.name),
      count: file.number(offset &+ Layout.Operation.nameLength))
    operands = OperandList(
      start: file + list + record.firstOperand &* Layout.operandSize, count: record.operandCount)
    output = record.output
    kind = OperationKind(record)
  }
}

/// The tensors that an operation reads.
public struct OperandList {
  let start: UnsafeRawPointer
  public let count: Int

  /// Index of the tensor at `position`, which must lie in 0..<count.
  public subscript(position: Int) -> Int { start.number(position &* Layout.operandSize) }
}

/// What an operation computes. `docs/format.md` defines each.
public enum OperationKind {
  /// Weights [O][KH][KW][I / groups].
  case convolution(WindowView, groups: Int, WeightsView)
  /// Weights [KH][KW][C].
  case depthwiseConvolution(WindowView, WeightsView)
  /// Weights [O][F].
  case fullyConnected(WeightsView)
  case add(AddView)
  case averagePool(WindowView)
  case maxPool(WindowView)
  case mean(RescaleView)
  case clamp(low: Int8, high: Int8)
  case pad(top: Int, left: Int, front: Int, value: Int8)
  case requantize(RescaleView)
  /// 0 height, 1 width, 2 channels.
  case concatenate(axis: Int)
  case slice(SliceView)

  init(_ record: OperationRecord) {
    switch KindCode(rawValue: record.kind) {
    case .convolution:
      self = .convolution(
        WindowView(record), groups: record.parameter(Layout.Parameter.groups), WeightsView(record))
    case .depthwiseConvolution:
      self = .depthwiseConvolution(WindowView(record), WeightsView(record))
    case .fullyConnected: self = .fullyConnected(WeightsView(record))
    case .add: self = .add(AddView(record))
    case .averagePool: self = .averagePool(WindowView(record))
    case .maxPool: self = .maxPool(WindowView(record))
    case .mean: self = .mean(RescaleView(record))
    case .pad:
      self = .pad(
        top: record.parameter(0), left: record.parameter(1), front: record.parameter(2),
        value: record.value)
    case .requantize: self = .requantize(RescaleView(record))
    case .concatenate: self = .concatenate(axis: Int(record.axis))
    case .slice: self = .slice(SliceView(record))
    // The validator has refused every other code, so only `clamp` is left.
    case .clamp, nil: self = .clamp(low: record.low, high: record.high)
    }
  }
}

/// A sliding window. Kernel, stride and dilation are 1 to 65535; (out − 1) · stride + dilated
/// kernel fits int32 on both axes, so positions may be computed in 32 bits.
public struct WindowView: Equatable {
  public let kernelHeight, kernelWidth: Int
  public let strideHeight, strideWidth: Int
  public let dilationHeight, dilationWidth: Int
  public let padTop, padLeft: Int

  init(_ record: OperationRecord) {
    kernelHeight = record.parameter(Layout.Parameter.kernelHeight)
    kernelWidth = record.parameter(Layout.Parameter.kernelWidth)
    strideHeight = record.parameter(Layout.Parameter.strideHeight)
    strideWidth = record.parameter(Layout.Parameter.strideWidth)
    dilationHeight = record.parameter(Layout.Parameter.dilationHeight)
    dilationWidth = record.parameter(Layout.Parameter.dilationWidth)
    padTop = record.parameter(Layout.Parameter.padTop)
    padLeft = record.parameter(Layout.Parameter.padLeft)
  }
}

/// Weights, bias and what scales each output channel. Every array but `weights` has one element
/// an output channel.
public struct WeightsView {
  /// 8 or 4.
  public let bits: Int
  /// At an address divisible by 16. With 8 bits an int8 each; with 4 bits two a byte, the first
  /// in the low nibble, each row (an output channel's weights, or a depthwise tap's channels)
  /// beginning on a byte of its own.
  public let weights: UnsafeRawBufferPointer
  public let bias: UnsafePointer<Int32>
  /// Zero, or of magnitude 2³⁰ to 2³¹ − 1.
  public let multipliers: UnsafePointer<Int32>
  /// Float32 bits. With the tensors' scales they make the ratios s_in · s_w / s_out.
  public let weightScales: UnsafePointer<UInt32>
  /// In −31...30.
  public let shifts: UnsafePointer<Int8>
  public let rounding: RoundingMode
  /// On the output's grid, low ≤ high.
  public let low, high: Int8

  /// The weights where `bits` is 8.
  public var int8: UnsafePointer<Int8> {
    UnsafePointer(weights.baseAddress!.assumingMemoryBound(to: Int8.self))
  }

  /// The packed weights where `bits` is 4.
  public var packed: UnsafePointer<UInt8> {
    UnsafePointer(weights.baseAddress!.assumingMemoryBound(to: UInt8.self))
  }

  /// Bytes that a row of `count` weights takes.
  public func rowBytes(_ count: Int) -> Int {
    bits == 8 ? count : count / 2 &+ count % 2
  }

  init(_ record: OperationRecord) {
    let file = record.file
    bits = Int(record.weightBits)
    weights = UnsafeRawBufferPointer(
      start: file + record.parameter(Layout.Parameter.weights),
      count: record.parameter(Layout.Parameter.weightSize))
    bias = Self.array(record, Layout.Parameter.bias)
    multipliers = Self.array(record, Layout.Parameter.multipliers)
    weightScales = Self.array(record, Layout.Parameter.weightScales)
    shifts = Self.array(record, Layout.Parameter.shifts)
    rounding = RoundingMode(rawValue: record.rounding) ?? .doubleRounding
    low = record.low
    high = record.high
  }

  private static func array<Element>(
    _ record: OperationRecord, _ parameter: Int
  ) -> UnsafePointer<Element> {
    (record.file + record.parameter(parameter)).assumingMemoryBound(to: Element.self)
  }
}

/// One ratio for a whole tensor.
public struct RescaleView {
  /// Float32 bits.
  public let ratio: UInt32
  /// Zero, or of magnitude 2³⁰ to 2³¹ − 1.
  public let multiplier: Int32
  /// In −31...30.
  public let shift: Int32
  public let rounding: RoundingMode
  /// On the output's grid, low ≤ high.
  public let low, high: Int8

  init(_ record: OperationRecord) {
    ratio = record.parameterBits(0)
    multiplier = record.signedParameter(1)
    shift = record.signedParameter(2)
    rounding = RoundingMode(rawValue: record.rounding) ?? .doubleRounding
    low = record.low
    high = record.high
  }
}

/// The scales of an addition: multipliers not negative, shifts in −31...0.
public struct AddView {
  public let firstMultiplier, secondMultiplier, outputMultiplier: Int32
  public let firstShift, secondShift, outputShift: Int32
  /// On the output's grid, low ≤ high.
  public let low, high: Int8

  init(_ record: OperationRecord) {
    firstMultiplier = record.signedParameter(0)
    secondMultiplier = record.signedParameter(1)
    firstShift = record.signedParameter(2)
    secondShift = record.signedParameter(3)
    outputMultiplier = record.signedParameter(4)
    outputShift = record.signedParameter(5)
    low = record.low
    high = record.high
  }
}

/// On each axis: element i of the output is element start + step · i of the input.
public struct SliceView: Equatable {
  public let startHeight, startWidth, startChannel: Int
  public let stepHeight, stepWidth, stepChannel: Int

  init(_ record: OperationRecord) {
    startHeight = record.parameter(0)
    startWidth = record.parameter(1)
    startChannel = record.parameter(2)
    stepHeight = record.parameter(3)
    stepWidth = record.parameter(4)
    stepChannel = record.parameter(5)
  }
}
