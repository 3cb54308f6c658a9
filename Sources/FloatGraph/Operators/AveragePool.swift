extension FloatGraph {
  /// Mean over a sliding window.
  public struct AveragePool: PoolingOperator {
    public static let name = "average pool"

    /// The window that slides over each channel.
    public var window: Window
    /// Whether padding counts in the divisor.
    public var countsPadding: Bool

    /// A pool with that window.
    public init(window: Window, countsPadding: Bool = false) {
      (self.window, self.countsPadding) = (window, countsPadding)
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let pool = places(inputs[0], output)
      let countsPadding = countsPadding
      return { inputs, images, output in
        let input = inputs[0]
        pool.forEachPlace(images: images) { place, plane, taps in
          var sum: Float = 0
          taps.visit { sum += input[plane + $0] }
          let divisor = countsPadding ? pool.area : taps.count
          output[place] = divisor == 0 ? 0 : sum / Float(divisor)
        }
      }
    }

    /// Every element of a window gets its share of the mean's gradient.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let pool = places(inputs[0], output)
      let (countsPadding, stride) = (countsPadding, inputs[0].reduce(1, *))
      return .inPieces { pass in
        let (gradient, target) = (pass.outputGradient, pass.inputGradients[0])
        target.update(repeating: 0, count: pass.images * stride)
        pool.forEachPlace(images: pass.images) { place, plane, taps in
          let divisor = countsPadding ? pool.area : taps.count
          guard divisor > 0 else { return }
          let share = gradient[place] / Float(divisor)
          taps.visit { target[plane + $0] += share }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// An average pool.
  public static func averagePool(_ pool: FloatGraph.AveragePool) -> Self { Self(pool) }
}
