import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Values below zero times a slope: one for all, or one for each channel or element.
extension OperatorRoom {
  static let leakyRelu = OperatorRoom(
    OnnxRow(
      "LeakyRelu", ["alpha"], float: { try $0.elementwise(.leakyRelu(slope: $0.node.slope())) },
      quantized: { try $0.lookUp(.leakyRelu, slope: $0.node.slope()) }),
    OnnxRow(
      "QLinearLeakyRelu", ["alpha"], in: .runtime, statesItsInputsGrid: true,
      quantized: {
        let slope = try $0.node.slope()
        try $0.qLinearLookUp(.leakyRelu, slope: slope, FloatGraph.LeakyRelu(slope: slope))
      }),
    TFLiteRow(
      .leakyRelu, float: { try $0.elementwise(.leakyRelu(slope: $0.node.slope())) },
      integer: {
        let slope = try $0.node.slope()
        try $0.lookUp(
          .leakyRelu, slope: slope, rule: "the scales have a ratio that is too large",
          real: FloatGraph.LeakyRelu(slope: slope).value(at:))
      }),
    OnnxRow("PRelu", float: { try $0.parametricRelu() }),
    TFLiteRow(.prelu, float: { try $0.pRelu() }, integer: { try $0.pRelu() }))
}

extension ImportNode {
  fileprivate func slope() throws(ImportError) -> Float {
    let slope = try number("alpha") ?? 0.01
    try require(slope.isFinite, "alpha is \(slope)")
    return slope
  }
}

extension TFLiteNode {
  fileprivate func slope() throws(ImportError) -> Float {
    let slope = try float(TFLite.Options.LeakyRelu.alpha, default: 0)
    try require(slope.isFinite, "alpha is \(slope)")
    return slope
  }
}

// MARK: - Slopes of each channel

extension OnnxConverter {
  /// max(x, 0) + slope · min(x, 0), with a slope for each channel or for all.
  fileprivate mutating func parametricRelu() throws(ImportError) -> Binding {
    let source = try placed()
    guard let (slopes, dimensions) = try weights(1) else { throw node.error("has no slopes") }
    if slopes.count == 1 { return try unary(.leakyRelu(slope: slopes[0])) }
    let below = try step(
      .clamp(low: -.infinity, high: 0), [source.value], at: source.place, named: "below")
    let (values, place) = try aligned([
      .activation(placed(value: below)), .constant(slopes, dimensions: dimensions),
    ])
    let scaled = try step(.multiply, values, at: place, named: "scaled")
    let above = try step(
      .clamp(low: 0, high: .infinity), [source.value], at: source.place, named: "above")
    return try append(.add, inputs: [above, scaled], at: place)
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func pRelu() throws(ImportError) {
    let input = try array()
    let above = try made(.clamp(low: 0, high: .infinity), [input], "/above")
    let below = try made(.clamp(low: -.infinity, high: 0), [input], "/below")
    let scaled = try made(.multiply, try aligned([below, try array(1)]), "/scaled")
    try finish(try made(.add, [above, scaled], ""))
  }
}

extension TFLiteIntegerConverter {
  /// The values above zero on the output's grid, and the product of the others with their slopes: one
  /// of both is zero, so their sum on that grid is exact.
  fileprivate mutating func pRelu() throws(ImportError) {
    let input = try activation()
    let source = builder[input]
    let output = try description(try node.output())
    try node.require(source.extent == output.extent, "its output has another shape")
    let slopes = try repeated(try array(1), like: output)
    let zero = Int16(source.zeroPoint)
    let above = limited(input, .init(low: zero, high: 127), "/above")
    let below = limited(input, .init(low: -128, high: zero), "/below")
    let whole = output.grid.whole
    var (scale, product) = try node.built { () throws(BuildError) in
      (
        try builder.rescale(activation: source.scale / output.scale, within: whole),
        try builder.product(of: [below, slopes], on: output.grid, within: whole)
      )
    }
    // XNNPACK takes none of it.
    product.rounding = builder.profile.activationMode
    scale.rounding = builder.profile.activationMode
    let parts = [
      onOutput(.requantize(.init(scale)), [above], output, "/above"),
      onOutput(.multiply(.init(product)), [below, slopes], output, "/below"),
    ]
    let sum = try node.built { () throws(BuildError) in
      try builder.sum(of: parts, on: output.grid, within: whole)
    }
    try finish(.add(.init(sum)), parts, extent: output.extent)
  }

  private mutating func limited(_ input: Int, _ clamp: Clamp, _ suffix: String) -> Int {
    made(.clamp(clamp), [input], builder[input].extent, suffix)
  }

  private mutating func onOutput(
    _ kind: IntegerOperation.Kind, _ inputs: [Int], _ output: IntegerTensor, _ suffix: String
  ) -> Int {
    var tensor = output
    tensor.name = Self.derived(output.name, suffix)
    return builder.append(tensor.name, kind, inputs, giving: tensor)
  }
}
