/// A function of two numbers, applied to each pair of values of two inputs of one rank. Where one
/// has an axis of one element, that element stands for all of the other's.
public protocol PairwiseOperator: FloatOperator {
  /// One value of the output.
  func value(_ left: Float, _ right: Float) -> Float
  /// The function's derivatives by its two numbers; PyTorch's convention where it has none.
  func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float)
}

extension PairwiseOperator {
  public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
    guard inputs.count == 2 else {
      throw RuleViolation("\(Self.name) takes 2 inputs, has \(inputs.count)")
    }
    guard inputs[0].count == inputs[1].count,
      zip(inputs[0], inputs[1]).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 })
    else {
      throw RuleViolation(
        "\(Self.name) needs inputs of one shape, or with axes of 1, has \(inputs[0]) and "
          + "\(inputs[1])")
    }
    return zip(inputs[0], inputs[1]).map(max)
  }

  public var worksInPlace: Bool { true }
  public var keepsAxes: Bool { true }

  public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
    let stride = output.reduce(1, *)
    guard inputs[0] != inputs[1] else {
      return { inputs, images, output in
        let (left, right) = (inputs[0], inputs[1])
        for index in 0..<images * stride { output[index] = value(left[index], right[index]) }
      }
    }
    let runs = BroadcastRuns(inputs[0], inputs[1])
    return { inputs, images, output in
      runs.forEach(images) { left, right, result in
        let (left, right, target) = (inputs[0] + left, inputs[1] + right, output + result)
        if runs.rightStep == 0 {
          let second = right[0]
          for index in 0..<runs.length { target[index] = value(left[index], second) }
        } else if runs.leftStep == 0 {
          let first = left[0]
          for index in 0..<runs.length { target[index] = value(first, right[index]) }
        } else {
          for index in 0..<runs.length { target[index] = value(left[index], right[index]) }
        }
      }
    }
  }

  public var readsInputsFor: GradientWants { .inputs }

  /// An element that stands for several has the sum of their gradients.
  public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
    let runs = BroadcastRuns(inputs[0], inputs[1])
    let strides = inputs.map { $0.reduce(1, *) }
    return .inPieces { pass in
      let (first, second) = (pass.inputGradients[0], pass.inputGradients[1])
      first.update(repeating: 0, count: pass.images * strides[0])
      second.update(repeating: 0, count: pass.images * strides[1])
      runs.forEach(pass.images) { left, right, result in
        for index in 0..<runs.length {
          let (left, right) = (left + index * runs.leftStep, right + index * runs.rightStep)
          let slopes = derivatives(pass.inputs[0][left], pass.inputs[1][right])
          let gradient = pass.outputGradient[result + index]
          first[left] += gradient * slopes.left
          second[right] += gradient * slopes.right
        }
      }
    }
  }
}
