import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

// Functions of one value: an operation of a float graph, and a table in an integer program.

extension OnnxConverter {
  mutating func elementwise(_ function: FloatGraph.Operation) throws(ImportError) -> Binding {
    try unary(function)
  }
}

extension QuantizedOnnxConverter {
  /// Between a DequantizeLinear and a QuantizeLinear. The float converter says what is computed.
  mutating func lookUp(_ kind: TableFunction.Kind, slope: Float = 0) throws(ImportError) {
    try adopt(onIntegers: false) { operation, tensors in
      guard let real = operation.base as? any ElementwiseOperator else { return nil }
      return .table(kind, slope, real, of: tensors[0])
    }
  }

  /// x, its scale and zero point, and y's scale and zero point.
  mutating func qLinearLookUp(
    _ kind: TableFunction.Kind, slope: Float = 0, _ real: some ElementwiseOperator
  ) throws(ImportError) {
    let input = try integerInput(0)
    let tensor = try image(input.tensor, shape: input.shape)
    try finish(
      .table(kind, slope, real, of: tensor), shape: input.shape, input.type, scale: 3,
      zeroPoint: 4)
  }
}

extension PendingOperation {
  /// A function's table between a tensor's grid and the one asked for.
  ///
  /// - Parameter real: the function in float32.
  fileprivate static func table(
    _ kind: TableFunction.Kind, _ slope: Float, _ real: any ElementwiseOperator, of source: Int
  ) -> PendingOperation {
    PendingOperation { converter, pending, target throws(ImportError) in
      let input = converter.builder[source].grid
      try converter.node.support(
        input.bits == 8 && target.grid.bits == 8, "a table of values of 4 bits")
      let function = TableFunction(
        kind, under: converter.builder.profile, slopeBits: slope.bitPattern)
      guard
        let table = IntegerOperation.Lookup(
          function, from: input, to: target.grid, real: real.value(at:))
      else {
        throw converter.node.unsupported("scales for which the profile's runtime has no table")
      }
      guard pending.bounds(on: target.grid) != target.grid.whole else {
        return try converter.append(.lookup(table), [source], named: pending.name, to: target)
      }
      var inner = target
      inner.name += "/unbounded"
      let unbounded = try converter.append(.lookup(table), [source], named: pending.name, to: inner)
      var rest = pending
      rest.name += "/clamp"
      return try converter.bring(unbounded, rest, to: target)
    }
  }
}

extension TFLiteFloatConverter {
  mutating func elementwise(_ function: FloatGraph.Operation) throws(ImportError) {
    let input = try anyActivation()
    try finish(try append(function, inputs: [input.value]), order: input.order)
  }
}

extension TFLiteIntegerConverter {
  /// - Parameters:
  ///   - real: the function in float32.
  ///   - grid: the only one that the output may have; nil where any will do.
  ///   - rule: what a file breaks between whose grids the runtime has no table.
  mutating func lookUp(
    _ kind: TableFunction.Kind, slope: Float = 0, onto grid: Grid? = nil,
    rule: String = "the runtime has no table for these scales", real: (Float) -> Float
  ) throws(ImportError) {
    let input = try activation()
    let source = builder[input]
    let output = try description(try node.output()).grid
    if source.grid.isWide {
      let function = TableFunction(kind, .fixedPoint, slopeBits: slope.bitPattern)
      guard
        WideFunctionKernel(
          function, input: source.scale.bitPattern, output: output.scale.bitPattern) != nil
      else { throw node.unsupported("of int16 on these scales: the runtimes have no kernel for it") }
      return try finish(.function(.init(function)), [input], extent: source.extent)
    }
    if let grid, output != grid {
      throw node.error(
        "its output needs a zero point of \(grid.zeroPoint) and a scale of "
          + "1/\(Int(1 / grid.scale))")
    }
    let function = TableFunction(kind, under: builder.profile, slopeBits: slope.bitPattern)
    guard let lookup = IntegerOperation.Lookup(function, from: source.grid, to: output, real: real)
    else { throw node.error(rule) }
    try finish(.lookup(lookup), [input], extent: source.extent)
  }
}
