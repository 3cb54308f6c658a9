extension FloatGraph {
  /// Along each axis of the shape without batch the elements at given places, in their order and as
  /// often as they are given: what repeats, mirrors or picks elements.
  public struct Gather: FloatOperator {
    public static let name = "gather"

    /// For each axis the places on it; nil for an axis that stays as it is.
    public var places: [[Int]?]

    /// A gather by the places on each axis.
    public init(places: [[Int]?]) {
      self.places = places
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard places.count == shape.count else {
        throw RuleViolation("gather is given for \(places.count) axes of shape \(shape)")
      }
      for (axis, list) in places.enumerated() {
        guard list?.allSatisfy({ (0..<shape[axis]).contains($0) }) ?? true else {
          throw RuleViolation("gather runs past the \(shape[axis]) elements of axis \(axis)")
        }
      }
      return zip(places, shape).map { $0?.count ?? $1 }
    }

    public var keepsGrid: Bool { true }
    public var keepsAxes: Bool { true }

    /// Where each run of the last axis starts in the input, and the places in a run.
    private func runs(_ shape: [Int]) -> (starts: [Int], places: [Int]) {
      var starts = [0]
      for axis in shape.indices.dropLast() {
        let own = places[axis] ?? Array(0..<shape[axis])
        let stride = shape[(axis + 1)...].reduce(1, *)
        starts = starts.flatMap { start in own.map { start + $0 * stride } }
      }
      let last = shape.count - 1
      return (starts, places[last] ?? Array(0..<shape[last]))
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (starts, places) = runs(inputs[0])
      let stride = inputs[0].reduce(1, *)
      return { inputs, images, output in
        var target = output
        for image in 0..<images {
          for start in starts {
            let source = inputs[0] + (image * stride + start)
            for index in places.indices { target[index] = source[places[index]] }
            target += places.count
          }
        }
      }
    }

    /// An element has the sum of the gradients of the places that it went to.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (starts, places) = runs(inputs[0])
      let stride = inputs[0].reduce(1, *)
      return .inPieces { pass in
        pass.inputGradients[0].update(repeating: 0, count: pass.images * stride)
        var source = pass.outputGradient
        for image in 0..<pass.images {
          for start in starts {
            let target = pass.inputGradients[0] + (image * stride + start)
            for index in places.indices { target[places[index]] += source[index] }
            source += places.count
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Along each axis the elements at given places; nil for an axis that stays as it is.
  public static func gather(_ places: [[Int]?]) -> Self { Self(FloatGraph.Gather(places: places)) }
}
