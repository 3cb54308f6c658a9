import FixedPoint

/// An integer network on the host: what lowering and importers produce, and what the canonical
/// writer turns into the bytes of a `.cupel` file.
///
/// One image at a time; activations are int8 in height-width-channel order (a 4-bit activation
/// is an int8 whose value lies in [-8, 7]).
public struct IntegerProgram: Sendable, Equatable {
  /// Every activation, the input included. An operation's inputs and output index this list.
  public var tensors: [IntegerTensor] = []
  /// In execution order: an operation's inputs are the program's input or earlier outputs.
  public var operations: [IntegerOperation] = []
  /// Index of the input tensor.
  public var input = 0
  /// Index of the output tensor (the logits).
  public var output = 0
  /// Origin digest, scheme, method, calibration, tool version, preprocessing. The writer sorts
  /// by key.
  public var metadata: [String: String] = [:]

  public init() {}
}

/// An activation: its extent and the affine map real = scale · (q − zeroPoint).
public struct IntegerTensor: Sendable, Equatable {
  public var name: String
  public var height: Int
  public var width: Int
  public var channels: Int
  /// 8 or 4: the grid is [−128, 127] or [−8, 7].
  public var bits: Int
  public var zeroPoint: Int
  /// The original scale, kept as float32; finite and positive.
  public var scale: Float

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

  public var elementCount: Int { height * width * channels }
}

/// One operation: what it computes, from which tensors, into which.
public struct IntegerOperation: Sendable, Equatable {
  public var name: String
  public var kind: Kind
  public var inputs: [Int]
  public var output: Int

  public init(name: String, kind: Kind, inputs: [Int], output: Int) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
    self.output = output
  }

  public enum Kind: Sendable, Equatable {
    /// Weights [O][KH][KW][I / groups].
    case convolution(Window, groups: Int, Weighted)
    /// Weights [KH][KW][C]; as many output as input channels.
    case depthwiseConvolution(Window, Weighted)
    /// Weights [O][F]; F is the input's height · width · channels in that order.
    case fullyConnected(Weighted)
    /// Two inputs of the output's extent, TFLite's arithmetic (inputs shifted left by 20).
    case add(Add)
    /// Input and output share scale and zero point; padding does not count; half away from zero.
    case averagePool(Window)
    case maxPool(Window)
    /// Mean over height and width (rescaled): input [H][W][C], output [1][1][C].
    case mean(Rescale)
    /// max(low, min(high, x)) on an unchanged grid.
    case clamp(low: Int8, high: Int8)
    /// Constant padding; `value` is normally the zero point. Grids are equal.
    case pad(Padding, value: Int8)
    /// To another grid.
    case requantize(Rescale)
    /// Along `axis` (0 height, 1 width, 2 channels); all grids equal. Two inputs or more.
    case concatenate(axis: Int)
    /// Element (h, w, c) is input (start + step · index) on each axis. Grids are equal.
    case slice(Slice)
  }

  /// Kernel, stride, dilation, padding. Bottom and right padding follow from the output's extent.
  public struct Window: Sendable, Equatable {
    public var kernelHeight, kernelWidth: Int
    public var strideHeight, strideWidth: Int
    public var dilationHeight, dilationWidth: Int
    public var padTop, padLeft: Int

    public init(
      kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1,
      dilationHeight: Int = 1, dilationWidth: Int = 1, padTop: Int = 0, padLeft: Int = 0
    ) {
      self.kernelHeight = kernelHeight
      self.kernelWidth = kernelWidth
      self.strideHeight = strideHeight
      self.strideWidth = strideWidth
      self.dilationHeight = dilationHeight
      self.dilationWidth = dilationWidth
      self.padTop = padTop
      self.padLeft = padLeft
    }
  }

  /// Weights, bias and the way back to the output's grid. Weights have zero point 0.
  public struct Weighted: Sendable, Equatable {
    /// 8 or 4.
    public var bits: Int
    /// Unpacked, in the order the case documents; [−128, 127] or [−8, 7].
    public var weights: [Int8]
    /// One an output channel, at scale s_in · s_w.
    public var bias: [Int32]
    /// One an output channel (repeated where the scheme is per tensor).
    public var scales: [ChannelScale]
    public var rounding: RoundingMode
    /// Fused activation, on the output's grid.
    public var low: Int8
    public var high: Int8

    public init(
      bits: Int, weights: [Int8], bias: [Int32], scales: [ChannelScale], rounding: RoundingMode,
      low: Int8, high: Int8
    ) {
      self.bits = bits
      self.weights = weights
      self.bias = bias
      self.scales = scales
      self.rounding = rounding
      self.low = low
      self.high = high
    }
  }

  /// real output = acc · ratio, ratio = s_in · s_w / s_out; `multiplier` and `shift` are it in Q31:
  /// ratio ≈ multiplier · 2^(shift − 31), |multiplier| in [2^30, 2^31) or 0, shift in [−31, 30].
  public struct ChannelScale: Sendable, Equatable {
    /// Effective weight scale, times the BatchNorm factor where that was not folded into the
    /// integers; its sign is the factor's.
    public var weightScale: Float
    public var multiplier: Int32
    public var shift: Int32

    public init(weightScale: Float, multiplier: Int32, shift: Int32) {
      self.weightScale = weightScale
      self.multiplier = multiplier
      self.shift = shift
    }
  }

  /// One ratio for a whole tensor.
  public struct Rescale: Sendable, Equatable {
    public var ratio: Float
    public var multiplier: Int32
    public var shift: Int32
    public var rounding: RoundingMode
    public var low: Int8
    public var high: Int8

    public init(
      ratio: Float, multiplier: Int32, shift: Int32, rounding: RoundingMode, low: Int8, high: Int8
    ) {
      self.ratio = ratio
      self.multiplier = multiplier
      self.shift = shift
      self.rounding = rounding
      self.low = low
      self.high = high
    }
  }

  /// TFLite's int8 addition: both inputs minus zero point, shifted left by 20, scaled by their
  /// multiplier, added, scaled by the output's. Multipliers are positive Q31, shifts ≤ 0.
  public struct Add: Sendable, Equatable {
    public var multipliers: [Int32]
    public var shifts: [Int32]
    public var outputMultiplier: Int32
    public var outputShift: Int32
    public var low: Int8
    public var high: Int8

    public init(
      multipliers: [Int32], shifts: [Int32], outputMultiplier: Int32, outputShift: Int32,
      low: Int8, high: Int8
    ) {
      self.multipliers = multipliers
      self.shifts = shifts
      self.outputMultiplier = outputMultiplier
      self.outputShift = outputShift
      self.low = low
      self.high = high
    }
  }

  /// Elements added before the first; those after the last follow from the output's extent.
  public struct Padding: Sendable, Equatable {
    public var top, left, front: Int

    public init(top: Int, left: Int, front: Int) {
      self.top = top
      self.left = left
      self.front = front
    }
  }

  public struct Slice: Sendable, Equatable {
    public var start: [Int]
    public var step: [Int]

    /// Height, width, channels.
    public init(start: [Int], step: [Int]) {
      self.start = start
      self.step = step
    }
  }
}
