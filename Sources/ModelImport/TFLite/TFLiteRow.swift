import CupelTFLiteSchema

/// An operator of `.tflite` files and who converts it, in float and in int8 models; nil where it is
/// not supported.
struct TFLiteRow: OperatorRow {
  typealias Handler<Converter> = RowHandler<Converter, Void>

  let operation: TFLite.Operation
  /// Whether it may give nothing but integers about shapes, which the file states anyway.
  let mayComputeShapes: Bool
  /// Whether it reads elements in their order in memory, whatever their tensor's extent.
  let ignoresExtents: Bool
  /// Whether it takes integers that stand for nothing but themselves, having no scale: it moves them
  /// and makes no new ones.
  let takesPlainIntegers: Bool
  /// Whether it stands between real numbers and integers.
  let changesKind: Bool
  let float: Handler<TFLiteFloatConverter>?
  let integer: Handler<TFLiteIntegerConverter>?

  init(
    _ operation: TFLite.Operation, mayComputeShapes: Bool = false, ignoresExtents: Bool = false,
    takesPlainIntegers: Bool = false, changesKind: Bool = false,
    float: Handler<TFLiteFloatConverter>? = nil,
    integer: Handler<TFLiteIntegerConverter>? = nil
  ) {
    self.operation = operation
    (self.mayComputeShapes, self.ignoresExtents) = (mayComputeShapes, ignoresExtents)
    (self.takesPlainIntegers, self.changesKind) = (takesPlainIntegers, changesKind)
    (self.float, self.integer) = (float, integer)
  }
}

extension TFLiteModel.Operator {
  /// nil for an operator that is not known.
  var row: TFLiteRow? { operation.flatMap { OperatorRows.tflite[$0] } }
}
