import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension Mean: TFLiteExportable, OnnxExportable {
  /// MEAN derives its multiplier from the scales' ratio and divides that by the number of elements in
  /// integers. Where that rounds any sum differently, a depthwise convolution by one may do better.
  /// XNNPACK's form needs nothing but MEAN and the scales.
  func write(to exporter: inout TFLiteExporter) {
    let (input, output) = (exporter.input, exporter.output)
    let area = input.height * input.width
    let accumulators = Accumulators(of: area, on: input)
    let ratio = Double(input.scale) / Double(output.scale)
    let single = Double(input.scale) * Double(1 / Float(area)) / Double(output.scale)
    let mean =
      rescale.rounding == .xnnpack
      ? 0
      : accumulators.differing(Multiplier(ratio, dividedBy: area)?.scaled, rescale.scaled)
    let layer = accumulators.differing(Multiplier(single)?.scaled, rescale.scaled)
    let isLayer =
      mean > layer && area * input.channels <= Self.largestOnes && !input.grid.isWide
    exporter.write(within: rescale) { exporter, activation, target in
      if isLayer {
        DepthwiseConvolution<InMemory>.writeMean(activation, target: target, to: &exporter)
        exporter.note(.rewritten(as: "DEPTHWISE_CONV_2D"))
        return
      }
      // MEAN has no fused activation.
      let isBounded = activation != .none
      let result = isBounded ? exporter.temporary("/mean") : target
      let axes = exporter.file.add([1, 2], name: "axes")
      exporter.append(
        .mean, version: input.grid.isWide ? 3 : 2, [exporter.image(), axes], result,
        [(TFLite.Options.Reducer.keepsDimensions, .number(1 as UInt8))])
      if isBounded { exporter.limit(result, within: rescale) }
    }
    exporter.note(differing: isLayer ? layer : mean, of: accumulators)
  }

  /// Weights of one that a mean may take: 16 MiB.
  private static let largestOnes = 1 << 24

  func write(to exporter: inout OnnxExporter) {
    exporter.addUnary("GlobalAveragePool", within: rescale)
  }
}
