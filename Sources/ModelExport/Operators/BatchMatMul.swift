import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

extension BatchMatMul: TFLiteExportable {
  /// The kernels take the product of the inputs' scales in float32.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let inputs = exporter.operation.inputs.map { exporter.program.tensors[$0] }
    let product = Double(inputs[0].scale * inputs[1].scale)
    guard let derived = Multiplier(product / Double(exporter.output.scale)),
      derived.value == rescale.multiplier, derived.shift == rescale.shift
    else { throw exporter.failure("its multiplier is not the one that follows from the scales") }
    let isBounded = Int(rescale.low)...Int(rescale.high) != exporter.typeLimits
    let result = isBounded ? exporter.temporary("/product") : exporter.target
    exporter.append(.batchMatMul, version: 2, exporter.images(), result, [])
    if isBounded { exporter.limit(result, within: rescale) }
  }
}
