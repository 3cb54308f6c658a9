import CupelTFLiteSchema

/// What stands for a tensor of the file.
protocol TFLiteBinding: Equatable {
  /// Integers about shapes, which the file states anyway.
  static var shape: Self { get }
  /// The output of an unsupported operator: what reads it is skipped in silence.
  static var unknown: Self { get }
}

/// What the integer and the float converter have in common: the walk over a file's operators.
protocol TFLiteConverter {
  associatedtype Binding: TFLiteBinding
  var model: TFLiteModel { get }
  /// Which of the file's operators is being converted.
  var position: Int { get set }
  var budget: ImportBudget { get set }
  /// What each tensor of the file became, by its index.
  var bindings: [Int: Binding] { get set }
  var unsupported: [ImportError.UnsupportedOperator] { get set }

  static func handler(_ row: TFLiteRow) -> TFLiteRow.Handler<Self>?
}

extension TFLiteConverter {
  /// The node at hand.
  var node: TFLiteNode {
    TFLiteNode(index: position, source: model.operators[position], model: model)
  }

  /// Converts one operator; unsupported ones are collected, so that all are named at once.
  mutating func convert() throws(ImportError) {
    try node.checkReferences { bindings[$0] != nil }
    let isKnown = !node.inputs.contains { bindings[$0] == .unknown }
    do throws(ImportError) {
      if isKnown { try dispatch() }
    } catch .unsupportedOperators(let list) {
      unsupported += list
    }
    for output in node.outputs where bindings[output] == nil { bindings[output] = .unknown }
  }

  private mutating func dispatch() throws(ImportError) {
    let row = node.source.row
    if row?.mayComputeShapes ?? false, node.givesIntegers {
      for output in node.outputs { bindings[output] = .shape }
      return
    }
    guard let handler = row.flatMap(Self.handler) else { throw node.unsupported("") }
    try run(handler, &self)
  }

  /// Claims memory for what a node makes of constants.
  mutating func claim(_ count: Int, size: Int) throws(ImportError) {
    try node.require(
      budget.claim(count, size: size), "the same constants are used more often than is supported")
  }

  /// Of the model's inputs, or outputs, the only one.
  func single(_ indices: [Int], _ what: String) throws(ImportError) -> Int {
    guard indices.count == 1, indices[0] >= 0 else {
      throw .unsupportedModel(rule: "it has \(indices.count) \(what) instead of one")
    }
    return indices[0]
  }
}

extension TFLiteNode {
  fileprivate var givesIntegers: Bool {
    outputs.allSatisfy { $0 >= 0 && [.int32, .int64].contains(model.tensors[$0].type) }
  }
}
