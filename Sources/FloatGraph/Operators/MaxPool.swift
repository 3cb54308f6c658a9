extension FloatGraph {
  /// Maximum over a sliding window; padding never wins.
  public struct MaxPool: PoolingOperator {
    public static let name = "max pool"

    /// The window that slides over each channel.
    public var window: Window

    /// A pool with that window.
    public init(window: Window) {
      self.window = window
    }

    /// A NaN counts as the largest.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let pool = places(inputs[0], output)
      return { inputs, images, output in
        let input = inputs[0]
        pool.forEachPlace(images: images) { place, plane, taps in
          var largest = -Float.infinity
          taps.visit { element in
            let value = input[plane + element]
            if value > largest || value.isNaN { largest = value }
          }
          output[place] = largest
        }
      }
    }

    public var readsInputsFor: GradientWants { .inputs }

    /// The first largest element of a window gets all of its gradient, as in PyTorch.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let pool = places(inputs[0], output)
      let stride = inputs[0].reduce(1, *)
      return .inPieces { pass in
        let (input, gradient) = (pass.inputs[0], pass.outputGradient)
        let target = pass.inputGradients[0]
        target.update(repeating: 0, count: pass.images * stride)
        pool.forEachPlace(images: pass.images) { place, plane, taps in
          var largest = -Float.infinity
          var winner = -1
          taps.visit { element in
            let value = input[plane + element]
            if winner < 0 || value > largest || value.isNaN { (largest, winner) = (value, element) }
          }
          if winner >= 0 { target[plane + winner] += gradient[place] }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A max pool.
  public static func maxPool(_ pool: FloatGraph.MaxPool) -> Self { Self(pool) }
}
