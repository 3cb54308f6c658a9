extension FloatGraph {
  /// A function of one number that several others make together, such as x · tanh(softplus(x)): its
  /// table takes one rounding where theirs would take several.
  public struct ComposedFunction: ElementwiseOperator {
    public static let name = "composed function"

    /// One of them. Numbers are known by their places: x is 0, and what step i gives is i + 1.
    public enum Step: Sendable {
      /// The same number for every x.
      case constant(Float)
      /// A function of an earlier number.
      case function(any ElementwiseOperator, of: Int)
      /// A function of two earlier numbers.
      case pair(any PairwiseOperator, Int, Int)
    }

    /// In order; the last one gives the result.
    public let steps: [Step]

    /// nil where there is no step, or one reads what is not there before it.
    public init?(_ steps: [Step]) {
      for (index, step) in steps.enumerated() {
        switch step {
        case .constant: continue
        case .function(_, let source): guard (0...index).contains(source) else { return nil }
        case .pair(_, let left, let right):
          guard (0...index).contains(left), (0...index).contains(right) else { return nil }
        }
      }
      guard !steps.isEmpty else { return nil }
      self.steps = steps
    }

    public func value(at x: Float) -> Float { evaluate(x).value }
    public func derivative(at x: Float) -> Float { evaluate(x).slope }

    private func evaluate(_ x: Float) -> (value: Float, slope: Float) {
      withUnsafeTemporaryAllocation(
        of: (value: Float, slope: Float).self, capacity: steps.count + 1
      ) { numbers in
        numbers.initializeElement(at: 0, to: (x, 1))
        for (index, step) in steps.enumerated() {
          numbers.initializeElement(at: index + 1, to: Self.apply(step, numbers))
        }
        return numbers[steps.count]
      }
    }

    private static func apply(
      _ step: Step, _ numbers: UnsafeMutableBufferPointer<(value: Float, slope: Float)>
    ) -> (value: Float, slope: Float) {
      switch step {
      case .constant(let value): return (value, 0)
      case .function(let function, let source):
        let (x, slope) = numbers[source]
        return (function.value(at: x), slope == 0 ? 0 : slope * function.derivative(at: x))
      case .pair(let function, let left, let right):
        let (a, b) = (numbers[left], numbers[right])
        let slopes = function.derivatives(a.value, b.value)
        return (
          function.value(a.value, b.value),
          (a.slope == 0 ? 0 : a.slope * slopes.left) + (b.slope == 0 ? 0 : b.slope * slopes.right)
        )
      }
    }

    /// A step at a time over a block of values.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let stride = output.reduce(1, *)
      let kernels = steps.map(Self.kernel)
      return { inputs, images, output in
        let block = 512
        withUnsafeTemporaryAllocation(of: Float.self, capacity: block * kernels.count) { memory in
          memory.initialize(repeating: 0)
          guard let base = memory.baseAddress else { return }
          for start in Swift.stride(from: 0, to: images * stride, by: block) {
            let count = min(block, images * stride - start)
            for (index, kernel) in kernels.enumerated() {
              let sources = kernel.sources.map {
                $0 == 0 ? inputs[0] + start : UnsafePointer(base + ($0 - 1) * block)
              }
              let isLast = index == kernels.count - 1
              kernel.run(sources, count, isLast ? output + start : base + index * block)
            }
          }
        }
      }
    }

    private static func kernel(of step: Step) -> (sources: [Int], run: ForwardKernel) {
      switch step {
      case .constant(let value): ([], { $2.update(repeating: value, count: $1) })
      case .function(let function, let source):
        ([source], function.forward(inputs: [[1]], output: [1]))
      case .pair(let function, let left, let right):
        ([left, right], function.forward(inputs: [[1], [1]], output: [1]))
      }
    }

    public static func == (one: Self, other: Self) -> Bool {
      one.steps.count == other.steps.count
        && zip(one.steps, other.steps).allSatisfy { $0.equals($1) }
    }
  }
}

extension FloatGraph.ComposedFunction.Step {
  fileprivate func equals(_ other: Self) -> Bool {
    switch (self, other) {
    case (.constant(let one), .constant(let two)): one == two
    case (.function(let one, let source), .function(let two, let second)):
      source == second && FloatGraph.Operation(one) == FloatGraph.Operation(two)
    case (.pair(let one, let left, let right), .pair(let two, let first, let second)):
      left == first && right == second && FloatGraph.Operation(one) == FloatGraph.Operation(two)
    default: false
    }
  }
}
