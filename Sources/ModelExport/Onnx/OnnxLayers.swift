import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelOnnxSchema

/// Layers, shapes, and what operators of one or two inputs have in common, in channel-first order.
extension OnnxExporter {
  // MARK: Layers

  /// A layer that slides a window.
  ///
  /// - Parameters:
  ///   - depth: input channels of a group.
  ///   - order: from the program's order of weights to [O][I][taps].
  mutating func addSliding<Own: WeightedOperator>(
    _ window: Window, _ own: Own, depth: Int, groups: Int, order: Transposition
  ) where Own.Storage == InMemory {
    let source = image()
    let constants = addConstants(
      own, shape: [output.channels, depth, window.kernelHeight, window.kernelWidth], order: order)
    add(
      "Conv", [source] + constants, as: "sum", within: own.weights,
      attributes(window) + [.integer("group", groups)])
  }

  /// A layer's weights and bias, as inputs of a node: each behind a DequantizeLinear, with one scale
  /// where all are equal, else one a channel.
  ///
  /// - Parameters:
  ///   - order: from the program's order of weights to the file's.
  ///   - axis: of the weights' shape, along which output channels lie.
  mutating func addConstants<Own: WeightedOperator>(
    _ own: Own, shape: [Int], order: Transposition, axis: Int = 0
  ) -> [String] where Own.Storage == InMemory {
    let positive = PositiveScales(own.weights, channelsLast: Own.channelsAreColumns)
    note(positive.note)
    let isUniform = Set(positive.scales).count == 1
    let scales = isUniform ? Array(positive.scales.prefix(1)) : positive.scales
    let channels = isUniform ? [] : [scales.count]
    let (bits, from) = (widensWeights ? 8 : own.weights.bits, input.scale)
    if own.weights.bits == 4 {
      note(
        widensWeights
          ? .rewritten(as: "a layer with int8 weights") : .inexact(because: Self.floatWeights))
    }
    let type: OnnxFile.ElementType = bits == 4 ? .int4 : .int8

    let weights = operation.name + "/weights"
    let integers = constant(
      unique(weights), shape, type, stored(order(positive.weights), bits: bits))
    let scale = addScales(scales, channels, name: weights)
    let zero = constant(
      unique(weights + "/zero"), channels, type,
      stored([Int8](repeating: 0, count: scales.count), bits: bits))

    let bias = operation.name + "/bias"
    let sums = constant(
      unique(bias), [positive.bias.count], .int32, positive.bias.flatMap { littleEndian(Int32(truncatingIfNeeded: $0)) })
    let sumZero = constant(
      unique(bias + "/zero"), channels, .int32, [UInt8](repeating: 0, count: 4 * scales.count))
    let sumScale = addScales(scales.map { from * $0 }, channels, name: bias)
    return [
      dequantized([integers, scale, zero], axis: axis, name: weights),
      dequantized([sums, sumScale, sumZero], axis: 0, name: bias),
    ]
  }

  private static let floatWeights =
    "ONNX Runtime multiplies int4 weights in float32, which may round a result next to a tie to "
    + "the other side; --exact writes them as int8"

  private mutating func addScales(_ scales: [Float], _ dimensions: [Int], name: String) -> String {
    constant(
      unique(name + "/scale"), dimensions, .float32,
      scales.flatMap { littleEndian($0.bitPattern) })
  }

  private mutating func dequantized(_ inputs: [String], axis: Int, name: String) -> String {
    let result = unique(name + "/real")
    node("DequantizeLinear", inputs, result, [.integer("axis", axis)])
    return result
  }

  // MARK: Shapes

  /// A tensor's real values as an image.
  mutating func image(_ tensor: Int) -> String {
    let name = dequantized(tensor)
    guard flat.contains(tensor) else { return name }
    let result = intermediate("image", of: tensor)
    let shape = integers([0, program.tensors[tensor].channels, 1, 1])
    node("Reshape", [name, shape], result)
    return result
  }

  /// The real values of what the operation reads in one row, channel first.
  mutating func flattened() -> String {
    let tensor = operation.inputs[0]
    let name = dequantized(tensor)
    if flat.contains(tensor) { return name }
    // Flattened, quantized and dequantized again, so that the linear layer has one of its own.
    let result = intermediate("flat", of: tensor)
    node("Flatten", [name], result, [.integer("axis", 1)])
    let integers = intermediate("flat/quantized", of: tensor)
    let again = intermediate("flat/real", of: tensor)
    let grid = gridInputs(tensor)
    node("QuantizeLinear", [result] + grid, integers)
    node("DequantizeLinear", [integers] + grid, again)
    return again
  }

  func attributes(_ window: Window) -> [OnnxAttribute] {
    let padded = PaddedWindow(window, input: input, output: output)
    let (rows, columns) = (padded.rows, padded.columns)
    return [
      .integers("kernel_shape", [window.kernelHeight, window.kernelWidth]),
      .integers("strides", [window.strideHeight, window.strideWidth]),
      .integers("pads", [rows.before, columns.before, rows.after, columns.after]),
      .integers("dilations", [window.dilationHeight, window.dilationWidth]),
    ]
  }

  /// An operator of one input.
  mutating func addUnary(
    _ type: String, _ attributes: [OnnxAttribute] = [], within bounds: (any Bounded)? = nil
  ) {
    add(type, [image()], as: "real-result", within: bounds, attributes)
  }
}
