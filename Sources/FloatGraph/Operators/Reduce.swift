extension FloatGraph {
  /// One number of all elements along some axes of the shape without batch.
  public struct Reduce: FloatOperator {
    public static let name = "reduce"

    /// What is made of the elements.
    public enum Kind: String, Sendable, CaseIterable {
      /// Their mean.
      case mean
      /// Their sum.
      case sum
      /// The largest.
      case maximum
      /// The smallest.
      case minimum
    }

    /// What is made of the elements.
    public var kind: Kind
    /// The axes that are reduced, the batch axis not counted, in ascending order.
    public var axes: [Int]

    /// A reduction over axes, the batch axis not counted.
    public init(_ kind: Kind, axes: [Int]) {
      (self.kind, self.axes) = (kind, axes)
    }

    /// The input's shape with 1 for each axis that is reduced.
    package func kept(_ shape: [Int]) -> [Int] {
      shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    }

    /// Reduced axes have one element, or are left out where the graph declares that.
    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard axes.allSatisfy(shape.indices.contains), Set(axes).count == axes.count else {
        throw RuleViolation("axes \(axes) are not all among those of shape \(shape), each once")
      }
      let kept = kept(shape)
      guard let declared, declared != kept else { return kept }
      let rest = shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
      guard declared == (rest.isEmpty ? [1] : rest) else {
        throw RuleViolation("a reduction of \(shape) over axes \(axes) cannot give \(declared)")
      }
      return declared
    }

    /// The largest and the smallest are elements themselves.
    public var keepsGrid: Bool { kind == .maximum || kind == .minimum }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let runs = BroadcastRuns(inputs[0], kept(inputs[0]))
      let (kind, outputs) = (kind, output.reduce(1, *))
      let share = 1 / Float(inputs[0].reduce(1, *) / outputs)
      return { inputs, images, output in
        let start: Float = kind == .maximum ? -.infinity : kind == .minimum ? .infinity : 0
        output.update(repeating: start, count: images * outputs)
        runs.forEach(images) { source, target, _ in
          let (values, target) = (inputs[0] + source, output + target)
          switch (kind, runs.rightStep) {
          case (.mean, 0), (.sum, 0):
            target[0] += LaneSums.sum(values, count: runs.length)
          case (.mean, _), (.sum, _):
            for index in 0..<runs.length { target[index] += values[index] }
          case (_, let step):
            for index in 0..<runs.length {
              let (value, held) = (values[index], target[index * step])
              let isBetter = kind == .maximum ? value > held : value < held
              if isBetter || value.isNaN { target[index * step] = value }
            }
          }
        }
        guard kind == .mean else { return }
        for index in 0..<images * outputs { output[index] *= share }
      }
    }

    public var readsInputsFor: GradientWants { keepsGrid ? .inputs : [] }
    public var readsOutputFor: GradientWants { keepsGrid ? .inputs : [] }

    /// Equal largest (or smallest) elements share the gradient evenly, as PyTorch's `amax` has it.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let runs = BroadcastRuns(inputs[0], kept(inputs[0]))
      let (kind, outputs) = (kind, output.reduce(1, *))
      let share = kind == .mean ? 1 / Float(inputs[0].reduce(1, *) / outputs) : 1
      return .inPieces { pass in
        let (gradient, result) = (pass.outputGradient, pass.inputGradients[0])
        guard let output = pass.output, let input = pass.inputs.first else {
          runs.forEach(pass.images) { source, target, _ in
            for index in 0..<runs.length {
              result[source + index] = gradient[target + index * runs.rightStep] * share
            }
          }
          return
        }
        var ties = [Float](repeating: 0, count: pass.images * outputs)
        runs.forEach(pass.images) { source, target, _ in
          for index in 0..<runs.length {
            let place = target + index * runs.rightStep
            if input[source + index] == output[place] { ties[place] += 1 }
          }
        }
        runs.forEach(pass.images) { source, target, _ in
          for index in 0..<runs.length {
            let place = target + index * runs.rightStep
            let isIt = input[source + index] == output[place]
            result[source + index] = isIt ? gradient[place] / ties[place] : 0
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A reduction over axes, the batch axis not counted.
  public static func reduce(_ kind: FloatGraph.Reduce.Kind, axes: [Int]) -> Self {
    Self(FloatGraph.Reduce(kind, axes: axes))
  }
}
