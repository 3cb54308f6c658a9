/// Shape rules of each operation, all without the batch axis.
extension FloatGraph.Operation {
  /// The shape that the inputs determine; nil where the node's declared output shape does (reshape,
  /// slice, global average pooling).
  package func inferredShape(inputs: [[Int]]) throws(RuleViolation) -> [Int]? {
    switch self {
    case .convolution(let convolution):
      return try convolution.outputShape(try Self.only(inputs))
    case .batchNormalization(let normalization):
      let shape = try Self.only(inputs)
      try normalization.check(shape)
      return shape
    case .clamp(let low, let high):
      guard low <= high else { throw RuleViolation("clamp needs low ≤ high, has \(low) > \(high)") }
      return try Self.only(inputs)
    case .add:
      guard inputs.count == 2 else {
        throw RuleViolation("add takes 2 inputs, has \(inputs.count)")
      }
      guard inputs[0] == inputs[1] else {
        throw RuleViolation("add needs inputs of one shape, has \(inputs[0]) and \(inputs[1])")
      }
      return inputs[0]
    case .averagePool(let pooling), .maxPool(let pooling):
      return try pooling.outputShape(try Self.only(inputs))
    case .linear(let linear):
      return try linear.outputShape(try Self.only(inputs))
    case .pad(let padding):
      return try padding.outputShape(try Self.only(inputs))
    case .concatenate(let axis):
      return try Self.concatenatedShape(inputs, axis: axis)
    case .softmax:
      let shape = try Self.only(inputs)
      guard shape.count == 1 else {
        throw RuleViolation("softmax takes a feature vector, has shape \(shape)")
      }
      return shape
    case .globalAveragePool, .reshape, .slice:
      return nil
    }
  }

  /// The same check, for an operation of which the node's name is known.
  func check(
    inputs: [[Int]], output: [Int], node: String?
  ) throws(FloatGraphError) {
    do throws(RuleViolation) {
      try check(inputs: inputs, output: output)
    } catch {
      throw FloatGraphError(node: node, rule: error.rule)
    }
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
    if let inferred = try inferredShape(inputs: inputs) {
      guard inferred == output else {
        throw RuleViolation("gives shape \(inferred) where \(output) is declared")
      }
      return
    }
    let shape = try Self.only(inputs)
    switch self {
    case .globalAveragePool:
      guard shape.count == 3, output == [shape[0]] || output == [shape[0], 1, 1] else {
        throw RuleViolation("global average pooling cannot turn \(shape) into \(output)")
      }
    case .slice(let slice):
      try slice.check(shape, output: output)
    default:
      guard shape.reduce(1, *) == output.reduce(1, *) else {
        throw RuleViolation("reshape cannot turn \(shape) into \(output)")
      }
    }
  }

  private static func only(_ inputs: [[Int]]) throws(RuleViolation) -> [Int] {
    guard inputs.count == 1 else { throw RuleViolation("takes 1 input, has \(inputs.count)") }
    return inputs[0]
  }

  private static func concatenatedShape(
    _ inputs: [[Int]], axis: Int
  ) throws(RuleViolation) -> [Int] {
    guard var shape = inputs.first else { throw RuleViolation("concatenation has no input") }
    guard shape.indices.contains(axis) else {
      throw RuleViolation("axis \(axis) lies outside shape \(shape)")
    }
    for other in inputs.dropFirst() {
      var expected = shape
      guard other.count == shape.count else {
        throw RuleViolation("cannot concatenate \(shape) and \(other)")
      }
      expected[axis] = other[axis]
      guard other == expected else {
        throw RuleViolation("cannot concatenate \(shape) and \(other) along axis \(axis)")
      }
      let (sum, overflow) = shape[axis].addingReportingOverflow(other[axis])
      guard !overflow else { throw RuleViolation("concatenation is too large") }
      shape[axis] = sum
    }
    return shape
  }
}

extension FloatGraph.Convolution {
  func outputShape(_ input: [Int]) throws(RuleViolation) -> [Int] {
    guard input.count == 3 else {
      throw RuleViolation("convolution takes [C, H, W], has shape \(input)")
    }
    guard groups >= 1, outputChannels >= 1, input[0] % groups == 0, outputChannels % groups == 0
    else {
      throw RuleViolation(
        "\(groups) groups must divide \(input[0]) input and \(outputChannels) output channels")
    }
    let (height, width) = try window.outputExtents(height: input[1], width: input[2])
    let expected = [outputChannels, input[0] / groups, window.kernelHeight, window.kernelWidth]
    guard ShapeArithmetic.elementCount(expected, limit: 1 << 30) == weights.count else {
      throw RuleViolation("\(weights.count) weights do not fill \(expected)")
    }
    guard bias == nil || bias?.count == outputChannels else {
      throw RuleViolation("\(bias?.count ?? 0) biases for \(outputChannels) output channels")
    }
    return [outputChannels, height, width]
  }

  /// Rows of a group's column matrix: C / groups · KH · KW.
  package var fanIn: Int { weights.count / outputChannels }

  /// One input channel a group: computed directly, without a column matrix.
  package var isDepthwise: Bool { fanIn == window.kernelHeight * window.kernelWidth }
}

extension FloatGraph.BatchNormalization {
  func check(_ shape: [Int]) throws(RuleViolation) {
    guard let channels = shape.first else { throw RuleViolation("has no channels") }
    guard [gamma, beta, mean, variance].allSatisfy({ $0.count == channels }) else {
      throw RuleViolation("batch normalization needs \(channels) values of each parameter")
    }
    guard variance.allSatisfy({ $0 + epsilon > 0 }) else {
      throw RuleViolation("variance + epsilon must be positive")
    }
  }
}

extension FloatGraph.Linear {
  func outputShape(_ input: [Int]) throws(RuleViolation) -> [Int] {
    guard input.count == 1 else {
      throw RuleViolation("linear takes a feature vector, has shape \(input)")
    }
    guard
      ShapeArithmetic.elementCount([outputFeatures, input[0]], limit: 1 << 30) == weights.count
    else {
      throw RuleViolation("\(weights.count) weights do not fill [\(outputFeatures), \(input[0])]")
    }
    guard bias == nil || bias?.count == outputFeatures else {
      throw RuleViolation("\(bias?.count ?? 0) biases for \(outputFeatures) output features")
    }
    return [outputFeatures]
  }
}

extension FloatGraph.Pooling {
  func outputShape(_ input: [Int]) throws(RuleViolation) -> [Int] {
    guard input.count == 3 else {
      throw RuleViolation("pooling takes [C, H, W], has shape \(input)")
    }
    let (height, width) = try window.outputExtents(height: input[1], width: input[2])
    guard max(window.padTop, window.padBottom) < window.extentHeight,
      max(window.padLeft, window.padRight) < window.extentWidth
    else { throw RuleViolation("pooling window lies wholly in the padding") }
    // A window that begins in the padding has a tap less than one dilation inside.
    guard window.padTop == 0 || window.dilationHeight <= input[1],
      window.padLeft == 0 || window.dilationWidth <= input[2]
    else { throw RuleViolation("pooling window's taps can all miss the input") }
    return [input[0], height, width]
  }
}

extension FloatGraph.Padding {
  func outputShape(_ input: [Int]) throws(RuleViolation) -> [Int] {
    guard before.count == input.count, after.count == input.count else {
      throw RuleViolation("padding is given for \(before.count) axes, the input has \(input.count)")
    }
    var output = input
    for axis in input.indices {
      let limit = 0...ShapeArithmetic.maximumElements
      guard limit.contains(before[axis]), limit.contains(after[axis]) else {
        throw RuleViolation("padding of axis \(axis) must lie in \(limit)")
      }
      output[axis] += before[axis] + after[axis]
    }
    return output
  }
}

extension FloatGraph.Slice {
  func check(_ input: [Int], output: [Int]) throws(RuleViolation) {
    guard start.count == input.count, step.count == input.count, output.count == input.count
    else { throw RuleViolation("slice is given for \(start.count) axes of shape \(input)") }
    for axis in input.indices {
      guard start[axis] >= 0, step[axis] >= 1 else {
        throw RuleViolation("slice of axis \(axis) needs start ≥ 0 and step ≥ 1")
      }
      let (span, overflow) = (output[axis] - 1).multipliedReportingOverflow(by: step[axis])
      let (last, carry) = span.addingReportingOverflow(start[axis])
      guard !overflow, !carry, last < input[axis] else {
        throw RuleViolation("slice of axis \(axis) runs past its \(input[axis]) elements")
      }
    }
  }
}
