import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter

/// Runs a program operation by operation in nested loops, straight from the definitions in
/// `IntegerProgram`, with every sum in Int64.
struct NetworkOracle {
  let program: IntegerProgram
  /// What a profile tells operations apart by.
  enum Role { case fullyConnected, narrowing, other }

  /// The rounding mode of an operation in that role; nil leaves it as written.
  var override: (Role) -> RoundingMode? = { _ in nil }
  /// Whether XNNPACK's own forms replace those of operators without weights.
  var isXnnpack = false
  /// Whether ONNX Runtime's do.
  var isOnnx = false
  private(set) var values: [[Int]]

  init(_ program: IntegerProgram, image: [Int8]) {
    self.program = program
    values = Array(repeating: [], count: program.tensors.count)
    values[program.input] = image.map { Int($0) }
  }

  mutating func run() {
    for operation in program.operations {
      values[operation.output] = result(of: operation)
    }
  }

  private func result(of operation: IntegerOperation) -> [Int] {
    let output = program.tensors[operation.output]
    var result: [Int] = []
    for row in 0..<output.height {
      for column in 0..<output.width {
        for channel in 0..<output.channels {
          result.append(element(operation, output, row, column, channel))
        }
      }
    }
    return result
  }

  /// A value of a tensor, or nil outside it.
  private func value(_ tensor: Int, _ row: Int, _ column: Int, _ channel: Int) -> Int? {
    let extent = program.tensors[tensor]
    guard (0..<extent.height).contains(row), (0..<extent.width).contains(column),
      (0..<extent.channels).contains(channel)
    else { return nil }
    return values[tensor][(row * extent.width + column) * extent.channels + channel]
  }

  private func element(
    _ operation: IntegerOperation, _ output: IntegerTensor, _ row: Int, _ column: Int,
    _ channel: Int
  ) -> Int {
    let place = (row * output.width + column) * output.channels + channel
    if case .constant(let own) = operation.kind { return Int(own.elements[place]) }
    let source = operation.inputs[0]
    let input = program.tensors[source]
    switch operation.kind {
    case .convolution(let own):
      let (groups, weighted) = (own.groups, own.weights)
      let depth = input.channels / groups
      let first = channel / (output.channels / groups) * depth
      let taps = taps(own.window, row, column)
      var sum = 0
      for (index, tap) in taps.enumerated() {
        for slot in 0..<depth {
          guard let q = value(source, tap.row, tap.column, first + slot) else { continue }
          let weight = weighted.weights[(channel * taps.count + index) * depth + slot]
          sum += (q - input.zeroPoint) * Int(weight)
        }
      }
      return requantized(
        sum, weighted, channel, output, inputScale: input.scale, isFullyConnected: false)
    case .transposeConvolution(let own):
      let depth = input.channels / own.groups
      let first = channel / (output.channels / own.groups) * depth
      var sum = 0
      for y in 0..<input.height {
        for x in 0..<input.width {
          for (index, tap) in taps(own.window, y, x).enumerated()
          where tap.row == row && tap.column == column {
            for slot in 0..<depth {
              let q = value(source, y, x, first + slot)!
              let place = (channel * own.window.taps + index) * depth + slot
              sum += (q - input.zeroPoint) * Int(own.weights.weights[place])
            }
          }
        }
      }
      return requantized(
        sum, own.weights, channel, output, inputScale: input.scale, isFullyConnected: false)
    case .depthwiseConvolution(let own):
      let weighted = own.weights
      var sum = 0
      for (index, tap) in taps(own.window, row, column).enumerated() {
        guard let q = value(source, tap.row, tap.column, channel) else { continue }
        sum += (q - input.zeroPoint) * Int(weighted.weights[index * input.channels + channel])
      }
      return requantized(
        sum, weighted, channel, output, inputScale: input.scale, isFullyConnected: false)
    case .fullyConnected(let own):
      let weighted = own.weights
      let count = input.elementCount / own.rows
      let first = (row * output.width + column) * count
      let sum = (0..<count).reduce(0) {
        $0 + (values[source][first + $1] - input.zeroPoint)
          * Int(weighted.weights[channel * count + $1])
      }
      return requantized(
        sum, weighted, channel, output, inputScale: input.scale, isFullyConnected: true)
    case .add(let add):
      let other = operation.inputs[1]
      let (first, second) = (
        value(source, row, column, channel)! - input.zeroPoint,
        value(other, row, column, channel)! - program.tensors[other].zeroPoint
      )
      return sum(
        (first, input), (second, program.tensors[other]), add.scales, to: output, sign: 1,
        isXnnpack ? .xnnpack : elementMode(add.scales.rounding))
    case .subtract(let add):
      let other = operation.inputs[1]
      let (first, second) = (
        value(source, row, column, channel)! - input.zeroPoint,
        value(other, row, column, channel)! - program.tensors[other].zeroPoint
      )
      return sum(
        (first, input), (second, program.tensors[other]), add.scales, to: output, sign: -1,
        isXnnpack ? .xnnpack : isOnnx ? .float32Steps : elementMode(add.scales.rounding))
    case .multiply(let own):
      let other = operation.inputs[1]
      let (first, second) = (
        value(source, row, column, channel)! - input.zeroPoint,
        value(other, row, column, channel)! - program.tensors[other].zeroPoint
      )
      let product = first * second
      let ratio = input.scale * program.tensors[other].scale / output.scale
      let mode = elementMode(own.rescale.rounding)
      if mode == .float32Steps {
        let real = (Float(first) * input.scale) * (Float(second) * program.tensors[other].scale)
        return limited(OnnxOracle.stored(real, on: output), own.rescale)
      }
      if let above = OnnxOracle.above(mode) {
        let placed = OnnxOracle.integer(Float(product) * ratio + Float(output.zeroPoint + above))
        return limited(placed - above, own.rescale)
      }
      let isTaken = ratio >= 0x1p-16 && ratio < 0x1p8
      return rescaled(
        product, own.rescale, zeroPoint: output.zeroPoint, .other,
        isXnnpack && !isTaken ? .doubleRounding : nil)
    case .batchMatMul(let own):
      let other = operation.inputs[1]
      let sum = (0..<input.channels).reduce(0) { sum, index in
        sum + (value(source, row, column, index)! - input.zeroPoint)
          * (value(other, row, index, channel)! - program.tensors[other].zeroPoint)
      }
      return rescaled(
        sum, own.rescale, zeroPoint: output.zeroPoint, .other, isXnnpack ? .doubleRounding : nil)
    case .gather(let own):
      var from = [row, column, channel]
      from[own.axis] = own.indices[from[own.axis]]
      return value(source, from[0], from[1], from[2])!
    case .resizeBilinear(let own):
      return interpolated(source, own, to: output, row, column, channel)
    case .layerNormalization(let own):
      return normalized(source, own, to: output, row, column, channel)
    case .lookup(let own): return Int(own.table[value(source, row, column, channel)! + 128])
    case .transpose(let own):
      var from = [0, 0, 0]
      for (axis, index) in [row, column, channel].enumerated() { from[own.axes[axis]] = index }
      return value(source, from[0], from[1], from[2])!
    case .reshape: return values[source][place]
    case .broadcast:
      return value(
        source, min(row, input.height - 1), min(column, input.width - 1),
        min(channel, input.channels - 1))!
    case .softmax, .constant, .function:
      preconditionFailure("no network here has one in this place")
    case .averagePool(let own):
      let inside = taps(own.window, row, column).compactMap {
        value(source, $0.row, $0.column, channel)
      }
      if let mode = poolMode(own, from: input, to: output) {
        return pooled(inside, own, mode, from: input, to: output)
      }
      let mean = Double(inside.reduce(0, +)) / Double(inside.count)
      return Int(mean.rounded(.toNearestOrAwayFromZero))
    case .maxPool(let own):
      return taps(own.window, row, column).compactMap { value(source, $0.row, $0.column, channel) }
        .max()!
    case .mean(let own):
      var sum = 0
      for y in 0..<input.height {
        for x in 0..<input.width { sum += value(source, y, x, channel)! - input.zeroPoint }
      }
      if isXnnpack || (override(.other) ?? own.rescale.rounding) == .xnnpack {
        let count = input.height * input.width
        let mean = XnnpackOracle.mean(
          sum + count * input.zeroPoint, count, from: input, to: output)
        return limited(mean, own.rescale)
      }
      return rescaled(sum, own.rescale, zeroPoint: output.zeroPoint, .other)
    case .requantize(let own):
      let sum = value(source, row, column, channel)! - input.zeroPoint
      let role = output.bits < input.bits ? Role.narrowing : .other
      let mode =
        isOnnx
        ? .float32Steps
        : isXnnpack && role == .other ? .xnnpack : override(role) ?? own.rescale.rounding
      if mode == .float32Steps {
        return limited(OnnxOracle.stored(Float(sum) * input.scale, on: output), own.rescale)
      }
      guard mode == .xnnpack else {
        return rescaled(sum, own.rescale, zeroPoint: output.zeroPoint, role)
      }
      guard let moved = XnnpackOracle.requantized(sum, ratio: input.scale / output.scale) else {
        return rescaled(sum, own.rescale, zeroPoint: output.zeroPoint, .other, .doubleRounding)
      }
      return limited(moved + output.zeroPoint, own.rescale)
    case .clamp(let own):
      return min(max(value(source, row, column, channel)!, Int(own.low)), Int(own.high))
    case .pad(let own):
      return value(
        source, row - own.before.height, column - own.before.width,
        channel - own.before.channels) ?? Int(own.value)
    case .concatenate(let own): return joined(operation.inputs, own.axis, [row, column, channel])
    case .slice(let slice):
      let from = [row, column, channel].enumerated().map {
        slice.start[$0.offset] + slice.step[$0.offset] * $0.element
      }
      return value(source, from[0], from[1], from[2])!
    }
  }

  /// The four pixels around a place, in 1024ths of a pixel, and their shares.
  /// After docs/arithmetic.md, with a square root by real numbers.
  private func normalized(
    _ source: Int, _ own: LayerNormalization<InMemory>, to output: IntegerTensor, _ row: Int,
    _ column: Int, _ channel: Int
  ) -> Int {
    let channels = output.channels
    let values = (0..<channels).map { value(source, row, column, $0)! }
    let sum = values.reduce(0, +)
    let variance =
      channels * values.reduce(0) { $0 + $1 * $1 } - sum * sum
      + (channels * channels * Int(own.epsilon)) >> 16
    var normal = 0
    if variance > 0 {
      var doublings = 0
      while variance < 1 << (60 - 2 * doublings) { doublings += 1 }
      let square = variance << (2 * doublings)
      var root = Int(Double(square).squareRoot())
      while root * root > square { root -= 1 }
      while (root + 1) * (root + 1) <= square { root += 1 }
      let places = 61 - doublings - 15
      let product = (channels * values[channel] - sum) * ((1 << 61) / root)
      normal = (product + (1 << (places - 1))) >> places
    }
    func constant(_ place: Int) -> Int {
      let bytes = own.bytes[place..<place + 4].map { UInt32(UInt8(bitPattern: $0)) }
      return Int(Int32(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | $1 }))
    }
    let scaled = normal * constant(8 * channel) + (constant(8 * channel + 4) << 15)
    let shift = 15 + Int(own.shift)
    return min(max(output.zeroPoint + ((scaled + (1 << (shift - 1))) >> shift), -128), 127)
  }

  private func interpolated(
    _ source: Int, _ own: ResizeBilinear, to output: IntegerTensor, _ row: Int, _ column: Int,
    _ channel: Int
  ) -> Int {
    let input = program.tensors[source]
    let isFloat = own.rounding == .xnnpack
    let unit = isFloat ? 2048 : 1024
    func place(_ index: Int, _ from: Int, _ to: Int) -> (pixel: Int, share: Int) {
      let ends = own.alignsCorners && to > 1 ? 1 : 0
      if isFloat {
        let scale = Float(from - ends) / Float(to - ends)
        var place = Float(index) * scale
        if own.halfPixelCentres {
          place = min(max(place + (0.5 * scale - 0.5), 0), Float(from - 1))
        }
        let share = ((place - place.rounded(.down)) * 2048).rounded(.toNearestOrEven)
        return (Int(place), Int(share))
      }
      let ratio = Double(1024 * (from - ends)) / Double(to - ends)
      let scale = Int(ratio.rounded(.toNearestOrAwayFromZero))
      let place = index * scale + (own.halfPixelCentres ? scale / 2 - 512 : 0)
      let pixel = min(max(place / 1024, 0), from - 1)
      return (pixel, place - 1024 * pixel)
    }
    let (y, x) = (
      place(row, input.height, output.height), place(column, input.width, output.width)
    )
    func next(_ own: (pixel: Int, share: Int), _ last: Int) -> Int {
      min(own.share > 0 ? own.pixel + 1 : own.pixel, last)
    }
    let (below, right) = (next(y, input.height - 1), next(x, input.width - 1))
    func pixel(_ row: Int, _ column: Int) -> Int { value(source, row, column, channel)! }
    let sum =
      pixel(y.pixel, x.pixel) * (unit - y.share) * (unit - x.share)
      + pixel(below, x.pixel) * y.share * (unit - x.share)
      + pixel(y.pixel, right) * (unit - y.share) * x.share
      + pixel(below, right) * y.share * x.share
    if isFloat { return Int((Double(sum) / 0x1p22 + 0.5).rounded(.down)) }
    return Int((Double(sum) / 0x1p20).rounded(.toNearestOrAwayFromZero))
  }

  // MARK: - Arithmetics of single runtimes

  /// The arithmetic of an addition, product or average pool, of which a profile other than ONNX
  /// Runtime's leaves nothing.
  private func elementMode(_ written: RoundingMode) -> RoundingMode {
    if isOnnx {
      return [.onnxUnsigned, .onnxSigned, .float32Steps].contains(written)
        ? written : .onnxUnsigned
    }
    return isXnnpack ? .doubleRounding : override(.other).map { _ in .doubleRounding } ?? written
  }

  private func limited(_ value: Int, _ rescale: IntegerOperation.Rescale) -> Int {
    min(max(value, Int(rescale.low)), Int(rescale.high))
  }

  /// - Parameters:
  ///   - first, second: values less their zero points, and their tensors.
  ///   - sign: 1, or −1 for a difference.
  private func sum(
    _ first: OnnxOracle.Addend, _ second: OnnxOracle.Addend, _ scales: IntegerOperation.Add,
    to output: IntegerTensor, sign: Int, _ mode: RoundingMode
  ) -> Int {
    func limited(_ value: Int) -> Int { min(max(value, Int(scales.low)), Int(scales.high)) }
    if mode == .xnnpack,
      let sum = XnnpackOracle.sum(
        first.value, sign * second.value,
        scales: (first.tensor.scale, second.tensor.scale, output.scale))
    {
      return limited(sum + output.zeroPoint)
    }
    if mode == .float32Steps {
      let real =
        Float(first.value) * first.tensor.scale
        + Float(sign) * (Float(second.value) * second.tensor.scale)
      return limited(OnnxOracle.stored(real, on: output))
    }
    if let above = OnnxOracle.above(mode) {
      return limited(OnnxOracle.sum(first, second, to: output, above: above))
    }
    return added(
      scales, first.value, second.value, zeroPoint: output.zeroPoint, sign: Int64(sign))
  }

  /// Nil for the stored values' own mean. A pool that no such mean could be keeps its file's
  /// arithmetic under every profile.
  private func poolMode(
    _ pool: AveragePool, from input: IntegerTensor, to output: IntegerTensor
  ) -> RoundingMode? {
    let mode = elementMode(pool.rounding)
    if mode != .doubleRounding { return mode }
    let isOneGrid =
      input.bits == output.bits && input.zeroPoint == output.zeroPoint
      && input.scale == output.scale
    return pool.countsPadding || !isOneGrid ? pool.rounding : nil
  }

  /// The mean of a window's real values.
  private func pooled(
    _ inside: [Int], _ pool: AveragePool, _ mode: RoundingMode, from input: IntegerTensor,
    to output: IntegerTensor
  ) -> Int {
    let window = pool.window
    let isWhole =
      inside.count == input.height * input.width && window.padTop == 0 && window.padLeft == 0
      && window.kernelHeight == input.height && window.kernelWidth == input.width
      && output.height == 1 && output.width == 1
    let limits = output.bits == 8 ? -128...127 : -8...7
    let above = OnnxOracle.above(mode)
    let count = Float(
      pool.countsPadding ? window.kernelHeight * window.kernelWidth : inside.count)
    let placed: Int
    if above != nil, isWhole, window.dilationHeight == 1, window.dilationWidth == 1 {
      let sum = inside.reduce(0) { $0 + $1 - input.zeroPoint }
      placed =
        OnnxOracle.integer(Float(sum) * (input.scale / (output.scale * count))) + output.zeroPoint
    } else {
      let sum = inside.reduce(Float(0)) { $0 + Float($1 - input.zeroPoint) * input.scale }
      if let above {
        placed =
          OnnxOracle.integer((sum / count) / output.scale + Float(output.zeroPoint + above))
          - above
      } else {
        placed = OnnxOracle.stored(sum / count, on: output)
      }
    }
    return min(max(placed, limits.lowerBound), limits.upperBound)
  }

  private func taps(
    _ window: IntegerOperation.Window, _ row: Int, _ column: Int
  ) -> [(row: Int, column: Int)] {
    (0..<window.kernelHeight * window.kernelWidth).map {
      (
        row * window.strideHeight - window.padTop
          + $0 / window.kernelWidth * window.dilationHeight,
        column * window.strideWidth - window.padLeft
          + $0 % window.kernelWidth * window.dilationWidth
      )
    }
  }

  private func requantized(
    _ sum: Int, _ weighted: IntegerOperation.Weighted, _ channel: Int, _ output: IntegerTensor,
    inputScale: Float, isFullyConnected: Bool
  ) -> Int {
    let scale = weighted.scales[channel]
    let scaled = RoundingOracle.scale(
      Int64(sum) + Int64(weighted.bias[channel]), multiplier: scale.multiplier,
      shift: scale.shift, ratio: inputScale * scale.weightScale / output.scale,
      ratio64: Double(inputScale) * Double(scale.weightScale) / Double(output.scale),
      mode: override(isFullyConnected ? .fullyConnected : .other) ?? weighted.rounding)
    return min(max(Int(scaled) + output.zeroPoint, Int(weighted.low)), Int(weighted.high))
  }

  private func rescaled(
    _ sum: Int, _ rescale: IntegerOperation.Rescale, zeroPoint: Int, _ role: Role,
    _ mode: RoundingMode? = nil
  ) -> Int {
    let scaled = RoundingOracle.scale(
      Int64(sum), multiplier: rescale.multiplier, shift: rescale.shift, ratio: rescale.ratio,
      mode: mode ?? override(role) ?? rescale.rounding)
    return min(max(Int(scaled) + zeroPoint, Int(rescale.low)), Int(rescale.high))
  }

  private func added(
    _ add: IntegerOperation.Add, _ first: Int, _ second: Int, zeroPoint: Int, sign: Int64
  ) -> Int {
    func scaled(_ value: Int64, _ multiplier: Int32, _ shift: Int32) -> Int64 {
      RoundingOracle.scale(
        value, multiplier: multiplier, shift: shift, ratio: 0, mode: .doubleRounding)
    }
    let sum =
      scaled(Int64(first) << 20, add.multipliers[0], add.shifts[0])
      + sign * scaled(Int64(second) << 20, add.multipliers[1], add.shifts[1])
    let result = Int(scaled(sum, add.outputMultiplier, add.outputShift)) + zeroPoint
    return min(max(result, Int(add.low)), Int(add.high))
  }

  private func joined(_ inputs: [Int], _ axis: Int, _ place: [Int]) -> Int {
    var place = place
    for tensor in inputs {
      let extent = program.tensors[tensor]
      let length = [extent.height, extent.width, extent.channels][axis]
      if place[axis] < length { return value(tensor, place[0], place[1], place[2])! }
      place[axis] -= length
    }
    return 0
  }
}

/// ONNX Runtime's forms in the processor's own float32 arithmetic.
enum OnnxOracle {
  /// A value less its zero point, and its tensor.
  typealias Addend = (value: Int, tensor: IntegerTensor)

  /// What the runtime's integers are above the program's; nil for other arithmetics.
  static func above(_ mode: RoundingMode) -> Int? {
    switch mode {
    case .onnxUnsigned: 128
    case .onnxSigned: 0
    default: nil
    }
  }

  /// A real number as QuantizeLinear stores it, before it is limited.
  static func stored(_ real: Float, on output: IntegerTensor) -> Int {
    integer(real / output.scale) + output.zeroPoint
  }

  /// To nearest, ties to even; what is far beyond every grid stays there.
  static func integer(_ value: Float) -> Int {
    Int(min(max(value, -0x1p20), 0x1p20).rounded(.toNearestOrEven))
  }

  /// Of the stored values, zero points and all, in fused multiplications and additions.
  static func sum(
    _ first: Addend, _ second: Addend, to output: IntegerTensor, above: Int
  ) -> Int {
    func stored(_ side: Addend) -> Float { Float(side.value + side.tensor.zeroPoint + above) }
    let ratios = [first.tensor.scale / output.scale, second.tensor.scale / output.scale]
    let zeros = [first.tensor, second.tensor].map { Float($0.zeroPoint + above) }
    let offset =
      Float(output.zeroPoint + above)
      - (ratios[1] * zeros[1]).addingProduct(ratios[0], zeros[0])
    let sum = offset.addingProduct(stored(second), ratios[1])
      .addingProduct(stored(first), ratios[0])
    return integer(sum) - above
  }
}

/// XNNPACK's forms in the processor's own float32 arithmetic and in floors of real numbers.
enum XnnpackOracle {
  /// Nil for scales that LiteRT does not hand to XNNPACK.
  static func sum(_ first: Int, _ second: Int, scales: (Float, Float, Float)) -> Int? {
    let ratios = [scales.0 / scales.2, scales.1 / scales.2]
    guard ratios.allSatisfy({ $0 >= 0x1p-10 && $0 < 0x1p8 }) else { return nil }
    let unit = Float(sign: .plus, exponent: 20 - max(ratios[0], ratios[1]).exponent, significand: 1)
    let multipliers = ratios.map { Double(($0 * unit).rounded(.toNearestOrEven)) }
    let sum = Double(first) * multipliers[0] + Double(second) * multipliers[1]
    return Int((sum / Double(unit) + 0.5).rounded(.down))
  }

  static func requantized(_ value: Int, ratio: Float) -> Int? {
    guard ratio >= 0x1p-8, ratio <= 0x1p7 else { return nil }
    let multiplier = Double((256 * ratio).rounded(.toNearestOrEven))
    return Int((Double(value) * multiplier / 256 + 0.5).rounded(.down))
  }

  /// - Parameter sum: of the stored values.
  static func mean(
    _ sum: Int, _ count: Int, from input: IntegerTensor, to output: IntegerTensor
  ) -> Int {
    let ratio = input.scale / output.scale * (1 / Float(count))
    let offset = Float(output.zeroPoint) - Float(count * input.zeroPoint) * ratio
    let placed = Float(sum) * ratio + offset
    return Int(min(max(placed.rounded(.toNearestOrEven), -1000), 1000))
  }
}
