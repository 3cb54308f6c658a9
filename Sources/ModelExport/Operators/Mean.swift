import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Mean: TFLiteExportable, OnnxExportable {
  /// MEAN derives its multiplier from the scales' ratio and divides that by the number of elements in
  /// integers. Where that rounds any sum differently, a depthwise convolution by one may do better.
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    let input = exporter.program.tensors[operation.inputs[0]]
    let output = exporter.program.tensors[operation.output]
    let area = input.height * input.width
    let accumulators = Accumulators(of: area, on: input)
    let ratio = Double(input.scale) / Double(output.scale)
    let own = Scaled(rescale)
    let mean = accumulators.differing(Scaled(Multiplier(ratio, dividedBy: area)), own)
    let layer = accumulators.differing(
      Scaled(Multiplier(Double(input.scale) * Double(1 / Float(area)) / Double(output.scale))),
      own)
    let (activation, target, rest) = exporter.activation(
      low: rescale.low, high: rescale.high, of: operation.output)
    if mean > layer, area * input.channels <= Self.largestOnes {
      DepthwiseConvolution<InMemory>.writeMean(
        operation, activation: activation, target: target, to: &exporter)
      exporter.note(operation, .rewritten(as: "DEPTHWISE_CONV_2D"))
      exporter.note(operation, differing: layer, of: accumulators)
      rest?(&exporter)
      return
    }
    exporter.note(operation, differing: mean, of: accumulators)
    // MEAN has no fused activation.
    let isBounded = activation != .none
    let result =
      isBounded ? exporter.temporary(like: operation.output, suffix: "/mean") : target
    let axes = exporter.file.add([1, 2], name: "axes")
    exporter.append(
      TFLiteRow(.mean, version: 2, options: TFLite.OptionsType.reducer),
      [exporter.image(operation.inputs[0]), axes], result,
      [(TFLite.Options.Reducer.keepsDimensions, .bool(true))])
    if isBounded {
      exporter.limit(result, low: rescale.low, high: rescale.high, to: operation.output)
    } else {
      rest?(&exporter)
    }
  }

  /// Weights of one that a mean may take: 16 MiB.
  private static let largestOnes = 1 << 24

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.addUnary("GlobalAveragePool", operation, low: rescale.low, high: rescale.high)
  }
}
