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
  /// Why an operator is not read; empty where there is no more to say than that.
  static func reason(_ operation: String) -> String
  mutating func bindEnds() throws(ImportError)
  /// Called before each operator that is read.
  func checkTensors() throws(ImportError)
  /// Called behind each operator.
  func checkCount() throws(ImportError)
}

extension TFLiteConverter {
  static func reason(_ operation: String) -> String { "" }
  func checkCount() throws(ImportError) {}
  func checkTensors() throws(ImportError) {}

  /// The node at hand.
  var node: TFLiteNode {
    TFLiteNode(index: position, source: model.operators[position], model: model)
  }

  /// Binds the model's inputs and converts all operators in the file's order. Unsupported ones are
  /// named all at once, also where another error ends the walk before them.
  mutating func convertOperators() throws(ImportError) {
    var next = 0
    do throws(ImportError) {
      try bindEnds()
      while next < model.operators.count {
        position = next
        next += 1
        try convert()
      }
    } catch {
      for rest in next..<model.operators.count {
        position = rest
        if let found = unreadable { unsupported.append(found) }
      }
      if unsupported.isEmpty { throw error }
    }
    if !unsupported.isEmpty { throw .unsupportedOperators(unsupported) }
  }

  private mutating func convert() throws(ImportError) {
    if let found = unreadable {
      unsupported.append(found)
      for output in node.outputs where bindings[output] == nil { bindings[output] = .unknown }
      return
    }
    try node.checkReferences { bindings[$0] != nil }
    let isKnown = !node.inputs.contains { bindings[$0] == .unknown }
    do throws(ImportError) {
      if isKnown { try dispatch() }
    } catch .unsupportedOperators(let list) {
      unsupported += list
    }
    for output in node.outputs where bindings[output] == nil { bindings[output] = .unknown }
    try checkCount()
  }

  /// What of the node at hand makes it one that no handler reads; nil where one does.
  private var unreadable: ImportError.UnsupportedOperator? {
    func found(_ form: String) -> ImportError.UnsupportedOperator {
      .init(node: node.name, operator: node.type, form: form)
    }
    if node.source.isCustom {
      return found("a custom operator, which only the program that brings it can run")
    }
    guard let row = node.source.row,
      row.mayComputeShapes && node.givesIntegers || Self.handler(row) != nil
    else { return found(Self.reason(node.type)) }
    let newest = row.operation.newestVersion
    guard node.source.version <= newest else {
      return found("version \(node.source.version); \(newest) is the newest that is known")
    }
    return nil
  }

  private mutating func dispatch() throws(ImportError) {
    guard let row = node.source.row else { return }
    if row.mayComputeShapes, node.givesIntegers {
      for output in node.outputs { bindings[output] = .shape }
      return
    }
    try checkTensors()
    if let handler = Self.handler(row) { try run(handler, &self) }
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
