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
  /// A value as a function of another.
  private struct Expression {
    var source: Int
    var steps: [FloatGraph.ComposedFunction.Step]
    /// Whether it holds a function without a table of its own.
    var isNameless: Bool
  }

  private let graph: FloatGraph
  private var expressions: [Int: Expression] = [:]
  private var constants: [Int: Float] = [:]
  private var producers: [Int: FloatGraph.Node] = [:]
  /// By value, what the nodes that read it give.
  private var results: [[Int]]

  /// The most steps that are put together.
  private static let mostSteps = 32

  init(_ graph: FloatGraph) {
    self.graph = graph
    results = [[Int]](repeating: [], count: graph.values.count)
    for node in graph.nodes { for value in node.inputs { results[value].append(node.output) } }
  }

  mutating func run() -> FloatGraph {
    for node in graph.nodes {
      expressions[node.output] = expression(of: node)
      producers[node.output] = node
    }
    var result = graph
    for (index, node) in graph.nodes.enumerated() {
      guard let own = expressions[node.output], own.isNameless, own.steps.count > 1,
        !isPart(node.output), let function = FloatGraph.ComposedFunction(own.steps)
      else { continue }
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

  private mutating func expression(of node: FloatGraph.Node) -> Expression? {
    if let constant = node.operation.as(FloatGraph.Constant.self), constant.values.count == 1 {
      constants[node.output] = constant.values[0]
      return nil
    }
    guard node.inputs.allSatisfy({ extent(of: $0, fits: node) }) else { return nil }
    switch node.operation.base {
    case let function as any ElementwiseOperator:
      return appended(function, to: operand(node.inputs[0]))
    case let clamp as FloatGraph.Clamp:
      // One behind a layer costs nothing there.
      guard let own = expressions[node.inputs[0]] else { return nil }
      return appended(FloatGraph.Bounded(clamp), to: own)
    case let map as FloatGraph.BatchNormalization:
      guard let affine = map.uniform, producers[node.inputs[0]]?.operation.weighted == nil else {
        return nil
      }
      return appended(affine, to: operand(node.inputs[0]))
    case let pair as any PairwiseOperator: return joined(pair, node.inputs)
    default: return nil
    }
  }

  /// Whether an input is as large as the output, or one number.
  private func extent(of value: Int, fits node: FloatGraph.Node) -> Bool {
    graph.values[value].shape == graph.values[node.output].shape || constants[value] != nil
  }

  private func operand(_ value: Int) -> Expression {
    expressions[value] ?? Expression(source: value, steps: [], isNameless: false)
  }

  private func appended(_ function: any ElementwiseOperator, to own: Expression) -> Expression? {
    guard own.steps.count < Self.mostSteps else { return nil }
    var result = own
    result.steps.append(.function(function, of: own.steps.count))
    result.isNameless = own.isNameless || Self.isNameless(function)
    return result
  }

  private func joined(_ pair: any PairwiseOperator, _ inputs: [Int]) -> Expression? {
    if let value = constants[inputs[0]] { return joined(pair, value, inputs[1], isFirst: true) }
    if let value = constants[inputs[1]] { return joined(pair, value, inputs[0], isFirst: false) }
    // Of each operand the longest form that has the same source.
    for left in [operand(inputs[0]), plain(inputs[0])] {
      for right in [operand(inputs[1]), plain(inputs[1])] where left.source == right.source {
        let offset = left.steps.count
        guard offset + right.steps.count < Self.mostSteps, offset + right.steps.count > 0 else {
          continue
        }
        let moved = right.steps.map { $0.moved(by: offset) }
        let second = right.steps.isEmpty ? 0 : offset + right.steps.count
        return Expression(
          source: left.source, steps: left.steps + moved + [.pair(pair, offset, second)],
          isNameless: left.isNameless || right.isNameless)
      }
    }
    return nil
  }

  private func joined(
    _ pair: any PairwiseOperator, _ number: Float, _ value: Int, isFirst: Bool
  ) -> Expression? {
    var own = operand(value)
    guard own.steps.count + 1 < Self.mostSteps else { return nil }
    let place = own.steps.count
    own.steps.append(.constant(number))
    own.steps.append(isFirst ? .pair(pair, place + 1, place) : .pair(pair, place, place + 1))
    return own
  }

  private func plain(_ value: Int) -> Expression {
    Expression(source: value, steps: [], isNameless: false)
  }

  private static func isNameless(_ function: any ElementwiseOperator) -> Bool {
    switch function {
    case is FloatGraph.Sigmoid, is FloatGraph.HyperbolicTangent, is FloatGraph.HardSwish,
      is FloatGraph.LeakyRelu, is FloatGraph.Affine:
      false
    default: true
    }
  }

  /// The function by its own name where it is one, however the file writes it.
  private static func named(
    _ function: FloatGraph.ComposedFunction
  ) -> any ElementwiseOperator {
    let known: [any ElementwiseOperator] = [
      FloatGraph.Gelu(), FloatGraph.Gelu(isApproximate: true), FloatGraph.HardSwish(),
    ]
    return known.first { $0.agrees(with: function) } ?? function
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

extension FloatGraph.ComposedFunction.Step {
  /// The same step behind `offset` others; x stays x.
  fileprivate func moved(by offset: Int) -> Self {
    func place(_ number: Int) -> Int { number == 0 ? 0 : number + offset }
    switch self {
    case .constant: return self
    case .function(let function, let source): return .function(function, of: place(source))
    case .pair(let function, let left, let right):
      return .pair(function, place(left), place(right))
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
