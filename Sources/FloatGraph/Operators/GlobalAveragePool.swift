extension FloatGraph {
  /// Mean over H and W: [C, H, W] to the output's [C, 1, 1] or [C].
  public struct GlobalAveragePool: FloatOperator {
    public static let name = "global average pool"

    /// A pool over all of each channel.
    public init() {}

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard let declared else { return nil }
      let shape = try only(inputs)
      guard shape.count == 3, declared == [shape[0]] || declared == [shape[0], 1, 1] else {
        throw RuleViolation("global average pooling cannot turn \(shape) into \(declared)")
      }
      return declared
    }

    public var keepsZeroChannels: Bool { true }

    /// Sums in eight lanes.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (channels, plane) = (inputs[0][0], inputs[0][1] * inputs[0][2])
      return { inputs, images, output in
        for index in 0..<images * channels {
          output[index] = LaneSums.sum(inputs[0] + index * plane, count: plane) / Float(plane)
        }
      }
    }

    /// Spreads each channel's gradient evenly over its plane.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (channels, plane) = (inputs[0][0], inputs[0][1] * inputs[0][2])
      return .inPieces { pass in
        for index in 0..<pass.images * channels {
          (pass.inputGradients[0] + index * plane).update(
            repeating: pass.outputGradient[index] / Float(plane), count: plane)
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A pool over all of each channel.
  public static let globalAveragePool = Self(FloatGraph.GlobalAveragePool())
}
