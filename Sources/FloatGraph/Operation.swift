extension FloatGraph {
  /// What a node does: any one of the operators, each of which has a maker here
  /// (`.add`).
  public struct Operation: Sendable, Equatable {
    /// The operator itself.
    public private(set) var base: any FloatOperator

    /// An operation that does what the operator does.
    public init(_ base: any FloatOperator) {
      self.base = base
    }

    /// The operator, where it is of that kind.
    public func `as`<Operator: FloatOperator>(_ kind: Operator.Type) -> Operator? {
      base as? Operator
    }

    /// The operator, where it has weights that quantization rounds.
    public var weighted: (any WeightedOperator)? { base as? any WeightedOperator }

    /// Whether both are the same operator with the same parameters.
    public static func == (left: Self, right: Self) -> Bool { left.base.equals(right.base) }
  }
}

extension FloatOperator {
  fileprivate func equals(_ other: any FloatOperator) -> Bool { other as? Self == self }
}

extension FloatGraph.Operation {
  /// In lower-case words, for reports.
  public var name: String { type(of: base).name }

  /// What training changes, as arrays: of a layer its weights and, where there is one, its bias.
  /// Setting takes arrays of the same number and sizes; others leave the operation as it is.
  public var parameters: [[Float]] {
    get { base.parameters }
    set {
      guard newValue.map(\.count) == parameters.map(\.count) else { return }
      base.parameters = newValue
    }
  }

  /// All parameters, those that training leaves alone included.
  public var parameterCount: Int { base.parameterCount }
  /// Those of them that are multiplied with what it reads, and that quantization rounds.
  public var weightCount: Int { base.weightCount }
  /// Whether what it gives stays on the grid of what it reads.
  public var keepsGrid: Bool { base.keepsGrid }
  /// Whether it bends each value by itself.
  public var isActivation: Bool { base.isActivation }
  /// Whether a channel of zeros stays one and no other channel depends on it.
  public var keepsZeroChannels: Bool { base.keepsZeroChannels }
  /// Whether a network may end before it without another answer.
  public var keepsRanking: Bool { base.keepsRanking }

  /// Whether a backward pass reads the values of the inputs, and whether those of the output.
  ///
  /// - Parameter isTraining: whether the forward pass used its batch's statistics.
  package func gradientReads(
    _ wants: GradientWants, isTraining: Bool = false
  ) -> (inputs: Bool, output: Bool) {
    let usesBatch = isTraining && base is any BatchStatisticsOperator
    return (
      usesBatch || !base.readsInputsFor.isDisjoint(with: wants),
      !base.readsOutputFor.isDisjoint(with: wants)
    )
  }

  /// The shape that the inputs determine; nil where the node's declared output shape does.
  package func inferredShape(inputs: [[Int]]) throws(RuleViolation) -> [Int]? {
    try base.outputShape(inputs: inputs, declared: nil)
  }

  /// Checks that the operation turns `inputs` into `output`.
  package func check(inputs: [[Int]], output: [Int]) throws(RuleViolation) {
    for shape in inputs + [output] {
      guard (1...ShapeArithmetic.maximumRank).contains(shape.count),
        ShapeArithmetic.elementCount(shape) != nil
      else {
        throw RuleViolation(
          "shape \(shape) needs 1 to \(ShapeArithmetic.maximumRank) positive extents and at most "
            + "\(ShapeArithmetic.maximumElements) elements")
      }
    }
    let found = try base.outputShape(inputs: inputs, declared: output)
    guard let found, found == output else {
      throw RuleViolation("gives shape \(found ?? []) where \(output) is declared")
    }
  }

  /// The same check, for an operation of which the node's name is known.
  func check(inputs: [[Int]], output: [Int], node: String?) throws(FloatGraphError) {
    do throws(RuleViolation) {
      try check(inputs: inputs, output: output)
    } catch {
      throw FloatGraphError(node: node, rule: error.rule)
    }
  }
}
