import CupelFloatGraph
import CupelIntegerBuilder
import CupelTFLiteSchema

/// Functions of one number: the sigmoid and what is made with it, and those that ONNX has and
/// `.tflite` has not, or in another form.
extension OperatorRoom {
  static let functions = OperatorRoom(
    OnnxRow(
      "Elu", ["alpha"],
      float: { try $0.unary(.elu(alpha: try $0.node.finite("alpha", default: 1))) }),
    OnnxRow(
      "Selu", ["alpha", "gamma"],
      float: {
        let alpha = try $0.node.finite("alpha", default: 1.6732632)
        let factor = try $0.node.finite("gamma", default: 1.0507010)
        return try $0.unary(.init(FloatGraph.Elu(alpha: alpha, factor: factor)))
      }),
    OnnxRow(
      "Celu", ["alpha"],
      float: {
        let alpha = try $0.node.finite("alpha", default: 1)
        try $0.node.require(alpha != 0, "alpha is 0")
        return try $0.unary(.init(FloatGraph.Elu(alpha: alpha, rate: 1 / alpha)))
      }),
    OnnxRow(
      "HardSigmoid", ["alpha", "beta"],
      float: {
        try $0.unary(
          .hardSigmoid(
            slope: try $0.node.finite("alpha", default: 0.2),
            offset: try $0.node.finite("beta", default: 0.5)))
      }),
    OnnxRow(
      "Sigmoid", anyBatchPlace: true, float: { try $0.elementwise(.sigmoid) },
      quantized: { try $0.lookUp(.logistic) }),
    OnnxRow(
      "QLinearSigmoid", in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearLookUp(.logistic, FloatGraph.Sigmoid()) }),
    TFLiteRow(
      .logistic, float: { try $0.elementwise(.sigmoid) },
      integer: { try $0.lookUp(.logistic, onto: .shares, real: FloatGraph.Sigmoid().value(at:)) }),
    OnnxRow("Gelu", ["approximate"], in: .both, float: { try $0.gelu() }),
    OnnxRow("Mish", float: { try $0.mish() }),
    OnnxRow("Swish", ["alpha"], float: { try $0.swish() }),
    OnnxRow("Pow", float: { try $0.power() }),
    function("Abs", .absolute),
    function("Ceil", .ceil), function("Cos", .cos), function("Erf", .erf), function("Exp", .exp),
    function("Floor", .floor), function("Log", .log), function("Neg", .negation),
    function("Reciprocal", .reciprocal), function("Round", .round), function("Sign", .sign),
    function("Sin", .sin), function("Softplus", .softplus), function("Softsign", .softsign),
    function("Sqrt", .sqrt),
    composed: [FloatGraph.Gelu(), FloatGraph.Gelu(isApproximate: true)])

  private static func function(_ type: String, _ kind: FloatGraph.MathFunction.Kind) -> OnnxRow {
    OnnxRow(type, float: { try $0.unary(.function(kind)) })
  }
}

extension ImportNode {
  fileprivate func finite(_ name: String, default value: Float) throws(ImportError) -> Float {
    let number = try number(name) ?? value
    try require(number.isFinite, "\(name) is \(number)")
    return number
  }
}

extension OnnxConverter {
  fileprivate mutating func gelu() throws(ImportError) -> Binding {
    let form = try node.text("approximate") ?? "none"
    try node.require(form == "none" || form == "tanh", "its approximation is not known")
    return try unary(.gelu(isApproximate: form == "tanh"))
  }

  /// x · tanh(softplus(x))
  fileprivate mutating func mish() throws(ImportError) -> Binding {
    let source = try placed()
    let inner = try step(.function(.softplus), [source.value], at: source.place, named: "softplus")
    let gate = try step(.hyperbolicTangent, [inner], at: source.place, named: "tanh")
    return try append(.multiply, inputs: [source.value, gate], at: source.place)
  }

  /// x · sigmoid(alpha · x)
  fileprivate mutating func swish() throws(ImportError) -> Binding {
    let source = try placed()
    let alpha = try node.finite("alpha", default: 1)
    var inner = source.value
    if alpha != 1 {
      inner = try step(
        .affine(factor: alpha, offset: 0), [inner], at: source.place, named: "scaled")
    }
    let gate = try step(.sigmoid, [inner], at: source.place, named: "gate")
    return try append(.multiply, inputs: [source.value, gate], at: source.place)
  }

  /// To a constant power, or to one of its own for each element.
  fileprivate mutating func power() throws(ImportError) -> Binding {
    if case .constant = try binding(0), case .constant = try binding(1) {
      return try foldedPower()
    }
    guard case .constant(let exponent) = try binding(1), exponent.count == 1,
      case .activation = try binding(0)
    else {
      let (values, place) = try aligned([try operand(0), try operand(1)])
      return try append(.raise, inputs: values, at: place)
    }
    if let number = exponent.floats?.first { return try unary(.power(number)) }
    guard let number = exponent.integers?.first?.known else {
      throw node.unsupported("to the power of the batch size")
    }
    return try unary(.power(Float(number)))
  }
}
