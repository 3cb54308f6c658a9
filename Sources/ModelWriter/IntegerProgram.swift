import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat

/// An integer network on the host: what lowering and importers produce, and what the canonical
/// writer turns into the bytes of a `.cupel` file.
///
/// One image at a time, or one of each input; activations are int8 in height-width-channel order (a
/// 4-bit activation is an int8 whose value lies in [-8, 7]), or int16.
public struct IntegerProgram: Sendable, Equatable {
  /// Every activation, the input included. An operation's inputs and output index this list.
  public var tensors: [IntegerTensor] = []
  /// In execution order: an operation's inputs are the program's input or earlier outputs.
  public var operations: [IntegerOperation] = []
  /// Indices of the tensors that the program reads, ascending; nearly always one.
  public var inputs = [0]
  /// Indices of the tensors that the program gives, each once: first the one that answers (the
  /// logits), then the others, ascending.
  public var outputs = [0]
  /// Origin digest, scheme, method, calibration, tool version, preprocessing. The writer sorts
  /// by key.
  public var metadata: [String: String] = [:]

  /// An empty program.
  public init() {}

  /// Index of the input tensor; of several, the first.
  public var input: Int {
    get { inputs[0] }
    set { inputs = [newValue] }
  }

  /// Index of the output tensor; of several, the one that answers.
  public var output: Int {
    get { outputs[0] }
    set { outputs = [newValue] }
  }
}

/// An activation: its extent and the affine map real = scale · (q − zeroPoint).
public struct IntegerTensor: Sendable, Equatable {
  /// For people, and for what refers to it in other formats; any text.
  public var name: String
  /// 1 or more, as width and channels.
  public var height: Int
  /// 1 or more.
  public var width: Int
  /// 1 or more.
  public var channels: Int
  /// 16, 8 or 4: the grid is [−32768, 32767], [−128, 127] or [−8, 7].
  public var bits: Int
  /// The integer that stands for 0, on the grid; 0 of 16 bits.
  public var zeroPoint: Int
  /// The original scale, kept as float32; finite and positive.
  public var scale: Float

  /// - Parameters: as the properties.
  public init(
    name: String, height: Int, width: Int, channels: Int, bits: Int, zeroPoint: Int, scale: Float
  ) {
    self.name = name
    self.height = height
    self.width = width
    self.channels = channels
    self.bits = bits
    self.zeroPoint = zeroPoint
    self.scale = scale
  }

  /// Height · width · channels.
  public var elementCount: Int { height * width * channels }
  package var shape: Extent { Extent(height: height, width: width, channels: channels) }
}

/// One operation: what it computes, from which tensors, into which.
public struct IntegerOperation: Sendable, Equatable {
  /// For people; any text.
  public var name: String
  /// What it computes.
  public var kind: Kind
  /// Indices of the tensors that it reads, as many as its kind takes.
  public var inputs: [Int]
  /// Index of the tensor that it gives, which no other operation gives.
  public var output: Int

  /// - Parameters: as the properties.
  public init(name: String, kind: Kind, inputs: [Int], output: Int) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
    self.output = output
  }

  /// One of all operators, its constants in arrays.
  public typealias Kind = OperatorKind<InMemory>
  /// Kernel, strides, dilations and the padding before.
  public typealias Window = CupelIntegerOperators.Window
  /// Weights, biases and scales of a layer.
  public typealias Weighted = Weights<InMemory>
  /// A multiplier from grid to grid, its rounding and its bounds.
  public typealias Rescale = CupelIntegerOperators.Rescale
  /// The scales of a sum of two tensors, and its bounds.
  public typealias Add = SumScales
  /// A table of 256 values, and the function that it is of.
  public typealias Lookup = CupelIntegerOperators.Lookup<InMemory>
}

/// Constants in arrays: how a program that is being made, or looked at, holds them.
public enum InMemory: SendableStorage {
  public typealias Bytes = [Int8]
  public typealias Words = [Int32]
  public typealias Floats = [Float]
  /// Unpacked, one a weight: in [−128, 127], or [−8, 7] at 4 bits.
  public typealias Weights = [Int8]

  public static var noBytes: [Int8] { [] }
  public static var noWords: [Int32] { [] }
  public static var noFloats: [Float] { [] }
  public static var noWeights: [Int8] { [] }
}

/// One output channel's way back to the output's grid: real output = acc · ratio,
/// ratio = s_in · s_w / s_out ≈ multiplier · 2^(shift − 31), |multiplier| in [2^30, 2^31) or 0, shift in
/// [−31, 30].
public struct ChannelScale: Sendable, Equatable {
  /// Effective weight scale, times the BatchNorm factor where that was not folded into the
  /// integers; its sign is the factor's.
  public var weightScale: Float
  /// Of the ratio, Q31; 0 where the channel is zero.
  public var multiplier: Int32
  /// Of the ratio, to the left where positive.
  public var shift: Int32

  /// - Parameters: as the properties.
  public init(weightScale: Float, multiplier: Int32, shift: Int32) {
    self.weightScale = weightScale
    self.multiplier = multiplier
    self.shift = shift
  }
}

extension Weights where Storage == InMemory {
  /// - Parameters:
  ///   - weights: unpacked, in the operator's order.
  ///   - bias: one an output channel, at scale s_in · s_w.
  ///   - scales: one an output channel (repeated where the scheme is per tensor).
  ///   - low, high: fused activation, on the output's grid.
  public init(
    bits: Int, weights: [Int8], bias: [Int32], scales: [ChannelScale], rounding: RoundingMode,
    low: Int16, high: Int16
  ) {
    self.init(bits: bits, weights: weights, bias: bias, rounding: rounding, low: low, high: high)
    self.scales = scales
  }

  /// Biases of up to 64 bits, one an output channel.
  public var wideBias: [Int64] {
    get {
      bias.indices.map {
        Int64(bias[$0]) &+ (upperBias.isEmpty ? 0 : Int64(upperBias[$0]) &<< 32)
      }
    }
    set {
      bias = newValue.map { Int32(truncatingIfNeeded: $0) }
      let rest = zip(newValue, bias).map { Int32(truncatingIfNeeded: ($0 &- Int64($1)) >> 32) }
      upperBias = rest.contains { $0 != 0 } ? rest : []
    }
  }

  /// One an output channel.
  public var scales: [ChannelScale] {
    get {
      multipliers.indices.map {
        ChannelScale(
          weightScale: weightScales[$0], multiplier: multipliers[$0], shift: Int32(shifts[$0]))
      }
    }
    set {
      multipliers = newValue.map(\.multiplier)
      weightScales = newValue.map(\.weightScale)
      shifts = newValue.map { Int8(clamping: $0.shift) }
    }
  }
}

extension Rescale {
  /// - Parameters:
  ///   - ratio: in float32.
  ///   - multiplier: of the ratio, Q31.
  ///   - shift: of the ratio, in [−31, 30].
  ///   - rounding: what becomes of ties, and in which arithmetic.
  ///   - low, high: on the output's grid.
  public init(
    ratio: Float, multiplier: Int32, shift: Int32, rounding: RoundingMode, low: Int16, high: Int16
  ) {
    self.init(
      ratioBits: ratio.bitPattern, multiplier: multiplier, shift: shift, rounding: rounding,
      low: low, high: high)
  }

  /// What `multiplier` and `shift` stand for.
  public var ratio: Float {
    get { Float(bitPattern: ratioBits) }
    set { ratioBits = newValue.bitPattern }
  }
}

extension OperatorKind<InMemory> {
  /// The weights of an operator that has some.
  public var weights: Weights<InMemory>? {
    (payload as? any WeightedOperator).flatMap { Self.weights(of: $0) }
  }

  private static func weights<Own: WeightedOperator>(of own: Own) -> Weights<InMemory>? {
    own.weights as? Weights<InMemory>
  }
}

extension OperatorKind {
  /// The operator itself, whichever it is.
  public var payload: any IntegerOperator {
    var visitor = Payload<Storage>()
    return accept(&visitor)
  }
}

private struct Payload<Storage: ConstantStorage>: OperatorVisitor {
  func visit<Own: PlainOperator>(_ own: Own) -> any IntegerOperator { own }
  func visit<Own: ConstantOperator>(_ own: Own) -> any IntegerOperator
  where Own.Storage == Storage {
    own
  }
}

extension Gather where Storage == InMemory {
  /// - Parameters:
  ///   - axis: 0 height, 1 width, 2 channels.
  ///   - indices: of the elements of the input, in the output's order; below 2³¹.
  public init(axis: Int, indices: [Int]) {
    self.init(
      axis: axis,
      bytes: indices.flatMap { index in
        (0..<4).map { Int8(truncatingIfNeeded: index >> (8 * $0)) }
      })
  }

  /// Of the elements of the input, in the output's order.
  public var indices: [Int] {
    stride(from: 0, to: bytes.count - 3, by: 4).map { start in
      (0..<4).reduce(0) { $0 | Int(UInt8(bitPattern: bytes[start + $1])) << (8 * $1) }
    }
  }
}

extension Axes: ExpressibleByArrayLiteral {
  /// Height, width, channels.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// Height, width, channels.
  public var list: [Int] { [height, width, channels] }

  /// Height, width, channels.
  public init(_ list: [Int]) { self.init(list[0], list[1], list[2]) }
}

extension SumScales {
  /// - Parameter multipliers, shifts: the first input's and the second's.
  public init(
    multipliers: [Int32], shifts: [Int32], outputMultiplier: Int32, outputShift: Int32,
    low: Int16, high: Int16, rounding: RoundingMode = .doubleRounding
  ) {
    self.init(
      firstMultiplier: multipliers[0], firstShift: shifts[0], secondMultiplier: multipliers[1],
      secondShift: shifts[1], outputMultiplier: outputMultiplier, outputShift: outputShift,
      low: low, high: high, rounding: rounding)
  }

  /// The first input's and the second's.
  public var multipliers: [Int32] { [firstMultiplier, secondMultiplier] }
  /// The first input's and the second's.
  public var shifts: [Int32] { [firstShift, secondShift] }
}
