import FixedPoint
import ModelFormat

/// What an operation's record says beyond its name, operands and output.
struct OperationFields {
  let kind: KindCode
  var rounding: UInt8 = 0
  var weightBits: UInt8 = 0
  var axis: UInt8 = 0
  var low: Int8 = 0
  var high: Int8 = 0
  var value: Int8 = 0
  /// Sixteen once complete; what a kind has no use for stays zero.
  var parameters = [UInt32](repeating: 0, count: Layout.Operation.parameterCount)

  /// - Parameter constants: takes the weights and channel arrays, if there are any.
  init(
    _ operation: IntegerOperation, at index: Int, shape: WeightShape?,
    constants: inout ConstantPool
  ) throws(WriterError) {
    var numbers: [Int] = []
    switch operation.kind {
    case .convolution(let window, let groups, let weighted):
      kind = .convolution
      numbers = window.numbers + [groups]
      add(weighted, shape: shape, constants: &constants)
    case .depthwiseConvolution(let window, let weighted):
      kind = .depthwiseConvolution
      numbers = window.numbers
      add(weighted, shape: shape, constants: &constants)
    case .fullyConnected(let weighted):
      kind = .fullyConnected
      add(weighted, shape: shape, constants: &constants)
    case .add(let add):
      kind = .add
      (low, high) = (add.low, add.high)
      let words = add.multipliers + add.shifts + [add.outputMultiplier, add.outputShift]
      parameters.replaceSubrange(0..<6, with: words.map(UInt32.init(bitPattern:)))
    case .averagePool(let window):
      kind = .averagePool
      numbers = window.numbers
    case .maxPool(let window):
      kind = .maxPool
      numbers = window.numbers
    case .mean(let scale):
      kind = .mean
      add(scale)
    case .requantize(let scale):
      kind = .requantize
      add(scale)
    case .clamp(let low, let high):
      kind = .clamp
      (self.low, self.high) = (low, high)
    case .pad(let padding, let value):
      kind = .pad
      self.value = value
      numbers = [padding.top, padding.left, padding.front]
    case .concatenate(let axis):
      kind = .concatenate
      guard let byte = UInt8(exactly: axis) else {
        throw .operation(index, name: operation.name, "an axis of \(axis)")
      }
      self.axis = byte
    case .slice(let slice):
      kind = .slice
      numbers = slice.start + slice.step
    }
    for (position, number) in numbers.enumerated() {
      guard let word = UInt32(exactly: number), Int64(word) <= Layout.largest else {
        throw .operation(index, name: operation.name, "a parameter of \(number)")
      }
      parameters[position] = word
    }
  }

  private mutating func add(_ scale: IntegerOperation.Rescale) {
    rounding = scale.rounding.rawValue
    (low, high) = (scale.low, scale.high)
    parameters[0] = scale.ratio.bitPattern
    parameters[1] = UInt32(bitPattern: scale.multiplier)
    parameters[2] = UInt32(bitPattern: scale.shift)
  }

  private mutating func add(
    _ weighted: IntegerOperation.Weighted, shape: WeightShape?, constants: inout ConstantPool
  ) {
    guard let shape else { return }
    rounding = weighted.rounding.rawValue
    weightBits = UInt8(weighted.bits)
    (low, high) = (weighted.low, weighted.high)
    let places = constants.append(weighted, shape: shape)
    parameters.replaceSubrange(
      Layout.Parameter.weights...Layout.Parameter.shifts, with: places.map(UInt32.init))
  }
}

extension IntegerOperation.Window {
  /// In the record's order.
  var numbers: [Int] {
    [
      kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop,
      padLeft,
    ]
  }
}

/// The constants section under construction.
struct ConstantPool {
  /// Byte offset in the file at which the section begins.
  let start: Int
  private(set) var buffer = ByteBuffer()

  init(start: Int) { self.start = start }

  /// Returns the operation's parameters from `weights` on: where the weights begin, how many bytes
  /// they take, and where bias, multipliers, weight scales and shifts begin.
  mutating func append(_ weighted: IntegerOperation.Weighted, shape: WeightShape) -> [Int] {
    buffer.align(to: Layout.alignment)
    let weights = shape.packed(weighted.weights, bits: weighted.bits)
    var places = [start + buffer.bytes.count, weights.count]
    buffer.append(contentsOf: weights)
    buffer.align(to: 4)
    let arrays = [
      weighted.bias.map(UInt32.init(bitPattern:)),
      weighted.scales.map { UInt32(bitPattern: $0.multiplier) },
      weighted.scales.map(\.weightScale.bitPattern),
    ]
    for array in arrays {
      places.append(start + buffer.bytes.count)
      buffer.append(words: array)
    }
    places.append(start + buffer.bytes.count)
    buffer.append(contentsOf: weighted.scales.map { UInt8(bitPattern: Int8(clamping: $0.shift)) })
    return places
  }
}
