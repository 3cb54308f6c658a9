import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Values below zero times a slope, which each channel or element has of its own.
extension OperatorRoom {
  static let pRelu = OperatorRoom(
    TFLiteRow(.prelu, float: { try $0.pRelu() }, integer: { try $0.pRelu() }))
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
