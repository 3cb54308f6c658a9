/// What the integer and the float converter have in common: the walk over a file's operators.
protocol TFLiteConverter {
  associatedtype Binding
  /// What each tensor of the file became, by its index.
  var bindings: [Int: Binding] { get set }
  var unsupported: [ImportError.UnsupportedOperator] { get set }
  /// What an unsupported operator gives: operators that read it are skipped in silence.
  static var unknown: Binding { get }
  static func isUnknown(_ binding: Binding) -> Bool

  mutating func dispatch(_ node: TFLiteNode) throws(ImportError)
}

extension TFLiteConverter {
  /// Converts one operator; unsupported ones are collected, so that all are named at once.
  mutating func convert(_ node: TFLiteNode) throws(ImportError) {
    try node.checkReferences { bindings[$0] != nil }
    let isKnown = !node.inputs.contains { bindings[$0].map(Self.isUnknown) ?? false }
    do throws(ImportError) {
      if isKnown { try dispatch(node) }
    } catch .unsupportedOperators(let list) {
      unsupported += list
    } catch {
      throw error
    }
    for output in node.outputs where bindings[output] == nil { bindings[output] = Self.unknown }
  }
}
