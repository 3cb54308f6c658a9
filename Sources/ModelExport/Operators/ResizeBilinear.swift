import CupelIntegerOperators
import CupelTFLiteSchema

extension ResizeBilinear: TFLiteExportable {
  func write(to exporter: inout TFLiteExporter) {
    typealias Options = TFLite.Options.ResizeBilinear
    let size = exporter.file.add(Array(exporter.output.extent[..<2]), name: "size")
    exporter.append(
      .resizeBilinear, version: 3, [exporter.image(), size], exporter.target,
      [
        (Options.alignsCorners, .number(UInt8(alignsCorners ? 1 : 0))),
        (Options.halfPixelCentres, .number(UInt8(halfPixelCentres ? 1 : 0))),
      ])
  }
}
