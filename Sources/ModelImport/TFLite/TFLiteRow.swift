import TFLiteSchema

/// An operator of `.tflite` files and who converts it, in float and in int8 models; nil where it is
/// not supported.
struct TFLiteRow: Sendable {
  typealias Handler<Converter> = RowHandler<Converter, TFLiteNode, Void>
  typealias Closure<Converter> = RowClosure<Converter, TFLiteNode, Void>

  let operation: TFLite.Operation
  let float: Handler<TFLiteFloatConverter>?
  let integer: Handler<TFLiteIntegerConverter>?
  /// Whether it may give nothing but integers about shapes, which the file states anyway.
  let mayComputeShapes: Bool
  /// Whether it reads elements in their order in memory, whatever their tensor's extent.
  let ignoresExtents: Bool
  /// Whether it stands between real numbers and integers.
  let changesKind: Bool

  init(
    _ operation: TFLite.Operation, float: Closure<TFLiteFloatConverter>? = nil,
    integer: Closure<TFLiteIntegerConverter>? = nil, mayComputeShapes: Bool = false,
    ignoresExtents: Bool = false, changesKind: Bool = false
  ) {
    self.operation = operation
    self.float = float.map { rowHandler($0) }
    self.integer = integer.map { rowHandler($0) }
    self.mayComputeShapes = mayComputeShapes
    self.ignoresExtents = ignoresExtents
    self.changesKind = changesKind
  }
}

extension TFLiteModel.Operator {
  /// nil for an operator that is not known.
  var row: TFLiteRow? { operation.flatMap { OperatorRows.tflite[$0] } }
}
