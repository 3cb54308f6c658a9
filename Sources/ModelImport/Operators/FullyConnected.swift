import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

/// A feature vector times a constant matrix.
extension OperatorRoom {
  static let fullyConnected = OperatorRoom(
    OnnxRow(
      "Gemm", ["alpha", "beta", "transA", "transB"], float: { try $0.product(bias: 2) },
      quantized: { try $0.gemm() }),
    OnnxRow("MatMul", float: { try $0.matMul() }, quantized: { try $0.product() }),
    OnnxRow("QLinearMatMul", statesItsInputsGrid: true, quantized: { try $0.qLinearProduct() }),
    OnnxRow(
      "QGemm", ["alpha", "transA", "transB"], in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qGemm() }), OnnxRow("MatMulInteger"),
    OnnxRow(
      "LinearRegressor", ["coefficients", "intercepts", "post_transform", "targets"],
      in: .machineLearning, float: { try $0.linearRegression() }),
    TFLiteRow(
      .fullyConnected, ignoresExtents: true, float: { try $0.fullyConnected() },
      integer: { try $0.fullyConnected() }))
}

// MARK: - ONNX

extension ImportNode {
  /// How many features weights of [F, O], or [O, F] where they are transposed, give.
  fileprivate func features(
    weights: [Int], isTransposed: Bool, input: [Int]
  ) throws(ImportError) -> Int {
    guard input.count == 1, weights.count == 2 else {
      throw unsupported(
        "only a feature vector times a constant matrix; input \(input), weights \(weights)")
    }
    let (features, inner) = isTransposed ? (weights[0], weights[1]) : (weights[1], weights[0])
    guard inner == input[0], features > 0 else {
      throw error("weights of shape \(weights) do not fit an input of \(input[0]) features")
    }
    return features
  }
}

extension OnnxConverter {
  /// Of two matrices, with the attributes that Gemm has.
  ///
  /// - Parameter bias: the input that it is; nil for an operator that has none.
  fileprivate mutating func product(bias index: Int? = nil) throws(ImportError) -> Binding {
    try node.support(!(try node.flag("transA")), "transA = 1: the batch axis must come first")
    let source = try placed()
    try node.support(
      source.rank == 2 && source.axis(1) != nil, "an input of shape \(source.shape)")
    let isTransposed = try node.flag("transB")
    var (weights, features) = try matrix(
      input: source.shape.suffix(1), isTransposed: isTransposed)
    let alpha = try node.number("alpha") ?? 1
    if alpha != 1 {
      try budget.claim(weights.count, size: MemoryLayout<Float>.stride, for: node)
      weights = try scaled(weights, by: alpha)
    }
    var bias: [Float]?
    var summand: [Float]?
    let beta = try node.number("beta") ?? 1
    if let index, let (values, shape) = try self.weights(index) {
      guard shape.count <= 2, [1, features].contains(shape.last ?? 1) else {
        throw node.error("a bias of shape \(shape) does not fit \(features) outputs")
      }
      if shape.count == 2, shape[0] != 1 {
        guard source.place == .none, shape == [source.shape[0], features] else {
          throw node.unsupported("a bias of shape \(shape): one for each image of a batch")
        }
        summand = try scaled(values, by: beta)
      } else {
        bias = values.count == features ? values : [Float](repeating: values[0], count: features)
      }
    }
    if beta != 1, let values = bias { bias = try scaled(values, by: beta) }
    let linear = FloatGraph.Linear(weights: weights, bias: bias, outputFeatures: features)
    guard let summand else {
      return try append(.linear(linear), inputs: [source.value], at: source.place)
    }
    let product = try step(.linear(linear), [source.value], at: source.place, named: "product")
    let rows = try constant(
      summand, shape: graph.values[product].shape, at: source.place, named: "bias")
    return try append(.add, inputs: [product, rows], at: source.place)
  }

  /// A layer whose numbers are attributes: [targets][features] and [targets].
  fileprivate mutating func linearRegression() throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    let targets = try node.integer("targets") ?? 1
    let transform = try node.text("post_transform") ?? "NONE"
    try node.support(transform == "NONE", "post_transform '\(printable(transform))'")
    guard let weights = try node.numbers("coefficients"), shape.count == 1, targets >= 1,
      shape[0].multipliedReportingOverflow(by: targets) == (weights.count, false)
    else {
      throw node.error("its coefficients do not fit \(targets) targets of an input of \(shape)")
    }
    let bias = try node.numbers("intercepts")
    try node.require(
      bias.map { $0.count == targets } ?? true, "\(bias?.count ?? 0) intercepts, \(targets) targets"
    )
    try node.require(
      (weights + (bias ?? [])).allSatisfy(\.isFinite), "a coefficient is not finite")
    try budget.claim(weights.count, size: MemoryLayout<Float>.stride, for: node)
    let linear = FloatGraph.Linear(weights: weights, bias: bias, outputFeatures: targets)
    return try append(.linear(linear), inputs: [value])
  }

  /// Of an activation's rows and a constant matrix, which is a layer; or of any two operands.
  fileprivate mutating func matMul() throws(ImportError) -> Binding {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    let operands = [try operand(0), try operand(1)]
    if case .activation(let source) = operands[0], case .constant(_, let dimensions) = operands[1],
      dimensions.count == 2, source.rank >= 2
    {
      try node.support(source.axis(source.rank - 1) != nil, "along the batch axis")
      let (weights, features) = try matrix(input: source.shape.suffix(1), isTransposed: false)
      let linear = FloatGraph.Linear(weights: weights, bias: nil, outputFeatures: features)
      return try append(.linear(linear), inputs: [source.value], at: source.place)
    }
    if case .constant = operands[0], case .constant = operands[1] {
      throw node.unsupported("of two constants")
    }
    for operand in operands {
      try node.support(operand.rank >= 2, "of a vector")
      guard case .activation(let source) = operand else { continue }
      try node.support(
        (1...2).allSatisfy { source.axis(source.rank - $0) != nil },
        "of a matrix one of whose axes is the batch axis")
    }
    let (values, place) = try aligned(operands)
    return try append(.matMul, inputs: values, at: place)
  }

  /// Weights in [O][F] order from input 1, which is [F, O], or [O, F] where `isTransposed`.
  private mutating func matrix(
    input: ArraySlice<Int>, isTransposed: Bool
  ) throws(ImportError) -> (weights: [Float], features: Int) {
    let input = Array(input)
    guard let (values, shape) = try weights(1) else { throw node.error("has no weights") }
    let features = try node.features(weights: shape, isTransposed: isTransposed, input: input)
    if isTransposed { return (values, features) }
    try budget.claim(values.count, size: MemoryLayout<Float>.stride, for: node)
    return (Transposition(rows: input[0], columns: features)(values), features)
  }

  private func scaled(_ values: [Float], by factor: Float) throws(ImportError) -> [Float] {
    let result = values.map { $0 * factor }
    try node.require(
      result.allSatisfy(\.isFinite), "scaling the weights by \(factor) leaves the range of float32")
    return result
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func gemm() throws(ImportError) {
    try node.support(!(try node.flag("transA")), "transA = 1: the batch axis must come first")
    let alpha = try node.number("alpha") ?? 1
    let beta = try node.number("beta") ?? 1
    guard alpha != 0, alpha.isFinite, beta.isFinite else {
      throw node.unsupported("alpha = \(alpha), beta = \(beta)")
    }
    try product(isTransposed: try node.flag("transB"), alpha: alpha, bias: 2, beta: beta)
  }

  /// - Parameters:
  ///   - alpha: what the product is multiplied by.
  ///   - index: the input that is the bias; nil for an operator that has none.
  ///   - beta: what it is multiplied by.
  fileprivate mutating func product(
    isTransposed: Bool = false, alpha: Float = 1, bias index: Int? = nil, beta: Float = 1
  ) throws(ImportError) {
    let (input, shape) = try realInput()
    let weights = try constantWeights(1)
    var layer = try layer(input: input, shape: shape, weights: weights, isTransposed: isTransposed)
    layer.multiply(by: alpha)
    if let index { layer.bias = try bias(index, layer: layer, times: beta) }
    try bind(layer.pending(), shape: [layer.outputChannels])
  }

  fileprivate mutating func qGemm() throws(ImportError) {
    try node.support(!(try node.flag("transA")), "transA = 1: the batch axis must come first")
    let alpha = try node.number("alpha") ?? 1
    try node.support(alpha != 0 && alpha.isFinite, "alpha = \(alpha)")
    try qLinearProduct(isTransposed: try node.flag("transB"), alpha: alpha, bias: 6)
  }

  /// A, its scale and zero point, B, …, a bias of int32 where the operator has one, y's scale and
  /// zero point.
  fileprivate mutating func qLinearProduct(
    isTransposed: Bool = false, alpha: Float = 1, bias index: Int? = nil
  ) throws(ImportError) {
    let input = try integerInput(0)
    let weights = try integerWeights(3, axis: isTransposed ? 0 : 1)
    var layer = try layer(
      input: input.tensor, shape: input.shape, weights: weights, isTransposed: isTransposed)
    layer.multiply(by: alpha)
    if let index { layer.bias = try integerBias(index, layer.outputChannels) }
    let scale = index == nil ? 6 : 7
    try finish(
      layer.pending(), shape: [layer.outputChannels], input.type, scale: scale,
      zeroPoint: scale + 1)
  }

  /// A layer without its bias.
  private func layer(
    input: Int, shape: [Int], weights: OnnxWeights, isTransposed: Bool
  ) throws(ImportError) -> QuantizedLayer {
    let features = try node.features(
      weights: weights.dimensions, isTransposed: isTransposed, input: shape)
    try checkScales(weights, channels: features, axis: isTransposed ? 0 : 1)
    // A flattened image was [C][H][W] to the file's layer and is [H][W][C] here.
    let held = builder[input]
    let pixels = Transposition(rows: held.channels, columns: held.height * held.width)
    let matrix = Transposition(rows: held.elementCount, columns: features)
    return QuantizedLayer(input: input, weights: weights, outputChannels: features) { _, layer, _ in
      QuantizedLayer.Form(
        input: layer.input, kind: { .fullyConnected(.init($0)) },
        place: { pixels.place(of: isTransposed ? $0 : matrix.place(of: $0)) },
        isFullyConnected: true)
    }
  }
}

// MARK: - TensorFlow Lite

extension TFLiteNode {
  /// Checks a filter of [O, F] on an input that is described.
  fileprivate func checkFilter(
    _ shape: [Int], features: Int, of input: String
  ) throws(ImportError) {
    try require(
      shape.count == 2 && features % shape[1] == 0, "a filter of shape \(shape) on \(input)")
  }

  fileprivate func checkWeightsFormat() throws(ImportError) {
    guard try number(TFLite.Options.FullyConnected.weightsFormat, default: Int8(0)) == 0 else {
      throw unsupported("shuffled weights")
    }
  }
}

extension TFLiteFloatConverter {
  /// Filter [O, F]; a flattened image's columns are brought to the graph's order.
  fileprivate mutating func fullyConnected() throws(ImportError) {
    try node.checkWeightsFormat()
    let shape = try node.tensor(1).shape
    let features = shape.count == 2 ? shape[1] : 0
    let count = TFLiteShape.elementCount(try node.tensor(0).shape) ?? 0
    try node.require(
      features > 0 && count % features == 0, "a filter of shape \(shape) on \(count) features")
    guard try isConstant(1) else { return try matrixProduct(features: features) }
    guard isOnImages, count == features else { return try rows(of: features) }
    try product()
  }

  /// A layer on several lists of features.
  private mutating func rows(of features: Int) throws(ImportError) {
    let filter = try constant(1, "a filter")
    let input = try array()
    let rows = try viewed(
      input, as: [input.shape.reduce(1, *) / features, features], "/rows")
    let linear = FloatGraph.Linear(
      weights: filter.values, bias: try bias(), outputFeatures: filter.shape[0])
    try finish(
      try made(.linear(linear), [rows], ""),
      bounds: try node.bounds(TFLite.Options.FullyConnected.activation))
  }

  /// A filter that the network computes.
  private mutating func matrixProduct(features: Int) throws(ImportError) {
    let input = try array()
    let rows = try viewed(
      input, as: [input.shape.reduce(1, *) / features, features], "/rows")
    let columns = try made(.transpose([1, 0]), [try array(1)], "/columns")
    var result = try made(.matMul, [rows, columns], "/product")
    if node.inputs.count > 2, node.inputs[2] >= 0 {
      result = try made(.add, try aligned([result, try array(2)]), "")
    }
    try finish(result, bounds: try node.bounds(TFLite.Options.FullyConnected.activation))
  }

  private mutating func product() throws(ImportError) {
    let filter = try constant(1, "a filter")
    var (value, shape, order) = try activation()
    if case .image = order {
      let count = shape.reduce(1, *)
      value = try reshaped(value, to: [count], suffix: "/flattened")
      order = .flattened(height: shape[1], width: shape[2], channels: shape[0])
      shape = [count]
    }
    var weights = filter.values
    if case .flattened(let height, let width, let channels) = order {
      weights = Transposition(rows: height * width, columns: channels)(weights)
    }
    let linear = FloatGraph.Linear(
      weights: weights, bias: try bias(), outputFeatures: filter.shape[0])
    let output = try append(.linear(linear), inputs: [value])
    try finish(
      output, order: .vector, bounds: try node.bounds(TFLite.Options.FullyConnected.activation))
  }
}

extension TFLiteIntegerConverter {
  /// Filter [O, F].
  fileprivate mutating func fullyConnected() throws(ImportError) {
    try node.checkWeightsFormat()
    let input = try activation()
    let weights = try weights(axis: 0)
    let features = builder[input].elementCount
    try node.checkFilter(weights.shape, features: features, of: "\(features) features")
    let weighted = try weighted(
      weights, input: input, outputs: weights.shape[0],
      activation: TFLite.Options.FullyConnected.activation,
      biasType: TFLite.Options.FullyConnected.biasType, isFullyConnected: true)
    let rows = features / weights.shape[1]
    // As the output lies where its pixels are the rows.
    let declared = try description(try node.output()).extent
    let own = [1, rows, weights.shape[0]]
    let isPixels = declared[2] == own[2] && declared[0] * declared[1] == rows
    try finish(
      layer: .fullyConnected(.init(weighted, rows: rows)), weights, images: [input],
      extent: isPixels ? declared : own)
  }
}
