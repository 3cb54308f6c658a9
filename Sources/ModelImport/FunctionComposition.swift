import CupelFloatGraph

/// Functions of one number that a file writes as several nodes, such as x · tanh(softplus(x)), put
/// together: their table takes one rounding where those of its parts would take several.
///
/// Put together is what holds a function that no runtime has a table of. The others stay as they
/// are, and with them their forms in other formats.
extension FloatGraph {
  /// The same graph with each such group of nodes as one.
  func composingFunctions() -> FloatGraph {
    var composition = FunctionComposition(self)
    return composition.run()
  }
}

private struct FunctionComposition {
  /// That a value is a function of another.
  private struct Expression {
    var source: Int
    /// Steps of which the function is made.
    var size: Int
    /// Whether it holds a function without a table of its own.
    var isNameless: Bool
  }

  private typealias Step = FloatGraph.ComposedFunction.Step

  private let graph: FloatGraph
  private var expressions: [Int: Expression] = [:]
  private var constants: [Int: Float] = [:]
  /// By value, the node that computes it, and what the nodes that read it give.
  private var producers: [Int: Int] = [:]
  private var results: [[Int]]

  /// The most steps that are put together.
  private static let mostSteps = 32

  init(_ graph: FloatGraph) {
    self.graph = graph
    results = [[Int]](repeating: [], count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      producers[node.output] = index
      for value in node.inputs { results[value].append(node.output) }
    }
  }

  mutating func run() -> FloatGraph {
    for node in graph.nodes { expressions[node.output] = expression(of: node) }
    var result = graph
    for (index, node) in graph.nodes.enumerated() {
      guard let own = expressions[node.output], own.isNameless, own.size > 1, !isPart(node.output)
      else { continue }
      var steps: [Step] = []
      _ = append(node.output, of: own.source, to: &steps)
      guard let function = FloatGraph.ComposedFunction(steps) else { continue }
      result.nodes[index].operation = FloatGraph.Operation(Self.named(function))
      result.nodes[index].inputs = [own.source]
    }
    return result.removingUnusedNodes()
  }

  /// Whether all that reads a value is put together with it.
  private func isPart(_ value: Int) -> Bool {
    value != graph.output
      && results[value].allSatisfy { expressions[$0].map { $0.source != value } ?? false }
  }

  // MARK: What is a function of what

  private mutating func expression(of node: FloatGraph.Node) -> Expression? {
    if let constant = node.operation.as(FloatGraph.Constant.self), constant.values.count == 1 {
      constants[node.output] = constant.values[0]
      return nil
    }
    guard node.inputs.allSatisfy({ isWhole($0, of: node) }) else { return nil }
    let operands = node.inputs.filter { constants[$0] == nil }.map(operand)
    guard var result = operands.first else { return nil }
    if node.operation.base is any PairwiseOperator {
      guard let joined = joined(node.inputs, operands) else { return nil }
      result = joined
    } else {
      guard let function = function(of: node) else { return nil }
      result.isNameless = result.isNameless || !type(of: function).isNamed
    }
    result.size += 1
    return result.size <= Self.mostSteps ? result : nil
  }

  /// Whether an input is as large as the output, or one number.
  private func isWhole(_ value: Int, of node: FloatGraph.Node) -> Bool {
    graph.values[value].shape == graph.values[node.output].shape || constants[value] != nil
  }

  private func operand(_ value: Int) -> Expression {
    expressions[value] ?? Expression(source: value, size: 0, isNameless: false)
  }

  /// A node as a function of one number; nil for any other.
  private func function(of node: FloatGraph.Node) -> (any ElementwiseOperator)? {
    switch node.operation.base {
    case let function as any ElementwiseOperator: return function
    case let clamp as FloatGraph.Clamp:
      // One behind a layer costs nothing there.
      return expressions[node.inputs[0]] == nil ? nil : FloatGraph.Bounded(clamp)
    case let map as FloatGraph.BatchNormalization:
      let producer = producers[node.inputs[0]].map { graph.nodes[$0] }
      return producer?.operation.weighted == nil ? map.uniform : nil
    default: return nil
    }
  }

  /// Two operands of one source, or one and a number.
  private func joined(_ inputs: [Int], _ operands: [Expression]) -> Expression? {
    if operands.count == 1 {
      var result = operands[0]
      result.size += 1
      return result
    }
    // Of each operand the longest form that has the same source.
    let forms = zip(inputs, operands).map { value, own in
      [own, Expression(source: value, size: 0, isNameless: false)]
    }
    for left in forms[0] {
      for right in forms[1] where left.source == right.source && left.size + right.size > 0 {
        return Expression(
          source: left.source, size: left.size + right.size,
          isNameless: left.isNameless || right.isNameless)
      }
    }
    return nil
  }

  // MARK: Steps

  /// Appends the steps that make a value of the source. Returns the place of its number.
  private func append(_ value: Int, of source: Int, to steps: inout [Step]) -> Int {
    if value == source { return 0 }
    if let constant = constants[value] {
      steps.append(.constant(constant))
      return steps.count
    }
    guard let producer = producers[value] else { return 0 }
    let node = graph.nodes[producer]
    let places = node.inputs.map { append($0, of: source, to: &steps) }
    if let pair = node.operation.base as? any PairwiseOperator, places.count == 2 {
      steps.append(.pair(pair, places[0], places[1]))
    } else if let function = function(of: node) {
      steps.append(.function(function, of: places[0]))
    }
    return steps.count
  }

  /// The function by its own name where it is one, however the file writes it.
  private static func named(
    _ function: FloatGraph.ComposedFunction
  ) -> any ElementwiseOperator {
    OperatorRows.composed.first { $0.agrees(with: function) } ?? function
  }
}

extension ElementwiseOperator {
  /// Whether two functions differ by nothing but float32's rounding, from −12 to 12.
  fileprivate func agrees(with other: FloatGraph.ComposedFunction) -> Bool {
    (-3072...3072).allSatisfy { place in
      let x = Float(place) / 256
      return abs(value(at: x) - other.value(at: x)) <= 4e-6 * max(1, abs(x))
    }
  }
}

extension FloatGraph.BatchNormalization {
  /// What one without statistics does, where that is the same for all channels.
  fileprivate var uniform: FloatGraph.Affine? {
    guard AffineMap(self) != nil, let factor = gamma.first, let offset = beta.first,
      gamma.allSatisfy({ $0 == factor }), beta.allSatisfy({ $0 == offset })
    else { return nil }
    return FloatGraph.Affine(factor: factor, offset: offset)
  }
}

extension FloatGraph {
  /// A clamp as part of a function of one number.
  fileprivate struct Bounded: ElementwiseOperator {
    static let name = "clamp"
    let clamp: Clamp

    init(_ clamp: Clamp) { self.clamp = clamp }

    func value(at x: Float) -> Float { x < clamp.low ? clamp.low : x > clamp.high ? clamp.high : x }
    func derivative(at x: Float) -> Float { x > clamp.low && x < clamp.high ? 1 : 0 }
  }
}
