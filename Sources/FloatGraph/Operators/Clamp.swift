extension FloatGraph {
  /// max(low, min(high, x)); ReLU is (0, ∞), ReLU6 (0, 6).
  public struct Clamp: FloatOperator {
    public static let name = "clamp"

    /// The bounds; low ≤ high, and either may be infinite.
    public var low, high: Float

    /// A clamp to low … high.
    public init(low: Float, high: Float) {
      (self.low, self.high) = (low, high)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard low <= high else { throw RuleViolation("clamp needs low ≤ high, has \(low) > \(high)") }
      return try only(inputs)
    }

    public var worksInPlace: Bool { true }
    public var keepsGrid: Bool { true }
    public var keepsAxes: Bool { true }
    public var isActivation: Bool { true }
    public var keepsZeroChannels: Bool { low <= 0 && high >= 0 }

    /// A NaN passes through, so that it is seen and not turned into a plausible number.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (low, high, stride) = (low, high, output.reduce(1, *))
      return { inputs, images, output in
        let input = inputs[0]
        for index in 0..<images * stride {
          let value = input[index]
          let raised = low > value ? low : value
          output[index] = high < raised ? high : raised
        }
      }
    }

    public var readsOutputFor: GradientWants { .inputs }

    /// Passes the gradient where the output lies strictly between the bounds, as PyTorch does.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (low, high) = (low, high)
      return .inPieces { pass in
        guard let output = pass.output else { return }
        let (source, target) = (pass.outputGradient, pass.inputGradients[0])
        let (lows, highs) = (SIMD8<Float>(repeating: low), SIMD8<Float>(repeating: high))
        let whole = pass.outputCount & ~7
        for start in stride(from: 0, to: whole, by: 8) {
          let value = UnsafeRawPointer(output + start).loadUnaligned(as: SIMD8<Float>.self)
          let slope = UnsafeRawPointer(source + start).loadUnaligned(as: SIMD8<Float>.self)
          let passed = SIMD8<Float>.zero.replacing(
            with: slope, where: (value .> lows) .& (value .< highs))
          UnsafeMutableRawPointer(target + start).storeBytes(of: passed, as: SIMD8<Float>.self)
        }
        for index in whole..<pass.outputCount {
          let isInside = output[index] > low && output[index] < high
          target[index] = isInside ? source[index] : 0
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A clamp to low … high.
  public static func clamp(low: Float, high: Float) -> Self {
    Self(FloatGraph.Clamp(low: low, high: high))
  }
}
