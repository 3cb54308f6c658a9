import CupelFloatGraph

extension OperatorRoom {
  static let batchNormalization = OperatorRoom(
    OnnxRow(
      "BatchNormalization", ["epsilon", "momentum", "spatial", "training_mode"],
      float: { try $0.batchNormalization() }))
}

extension OnnxConverter {
  fileprivate mutating func batchNormalization() throws(ImportError) -> Binding {
    if try node.flag("training_mode") {
      throw node.unsupported("training mode; export the model in evaluation mode")
    }
    guard try node.integer("spatial") ?? 1 == 1 else { throw node.unsupported("spatial = 0") }
    let (value, shape) = try activation()
    var parameters: [[Float]] = []
    for index in 1...4 {
      guard let values = try weights(index, shape: [shape[0]])?.values else {
        throw node.error("input \(index) is missing")
      }
      parameters.append(values)
    }
    let epsilon = try node.number("epsilon") ?? 1e-5
    try node.require(epsilon.isFinite && epsilon >= 0, "epsilon is \(epsilon)")
    if let channel = parameters[3].firstIndex(where: { $0 < 0 || $0 + epsilon <= 0 }) {
      throw node.error(
        "variance \(parameters[3][channel]) of channel \(channel) must not be negative, and must "
          + "be positive together with epsilon \(epsilon)")
    }
    let normalization = FloatGraph.BatchNormalization(
      gamma: parameters[0], beta: parameters[1], mean: parameters[2], variance: parameters[3],
      epsilon: epsilon)
    return try append(.batchNormalization(normalization), inputs: [value])
  }
}
