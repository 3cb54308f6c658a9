extension FloatGraph {
  /// Linear interpolation along axes of the shape without batch, one behind the other.
  public struct Interpolate: FloatOperator {
    public static let name = "interpolate"

    /// What the elements of an axis are made of.
    public struct Axis: Sendable, Equatable {
      /// For each, the place of the lower of two neighbours.
      public var lows: [Int]
      /// For each, the share of the upper neighbour, 0 … 1; where that is 0 there need not be one.
      public var shares: [Float]

      /// An axis by its elements' lower neighbours and the shares of the upper ones.
      public init(lows: [Int], shares: [Float]) {
        (self.lows, self.shares) = (lows, shares)
      }
    }

    /// For each axis what its elements are made of; nil for an axis that stays as it is.
    public var axes: [Axis?]

    /// An interpolation along axes.
    public init(axes: [Axis?]) {
      self.axes = axes
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard axes.count == shape.count else {
        throw RuleViolation("interpolation is given for \(axes.count) axes of shape \(shape)")
      }
      for case (let number, let axis?) in axes.enumerated() {
        let isInside = zip(axis.lows, axis.shares).allSatisfy { low, share in
          low >= 0 && (0...1).contains(share) && low + (share == 0 ? 0 : 1) < shape[number]
        }
        guard isInside, axis.lows.count == axis.shares.count else {
          throw RuleViolation(
            "interpolation runs past the \(shape[number]) elements of axis \(number)")
        }
      }
      return zip(axes, shape).map { $0?.lows.count ?? $1 }
    }

    /// One axis of an activation: blocks before it, and elements from one place to the next.
    private struct Pass: Sendable {
      let axis: Axis
      let outer, extent, step: Int

      /// Calls `body` with where each row of `step` elements is read and written.
      func forEach(_ images: Int, _ body: (_ low: Int, _ share: Float, _ result: Int) -> Void) {
        var result = 0
        for block in 0..<images * outer {
          for (low, share) in zip(axis.lows, axis.shares) {
            body((block * extent + low) * step, share, result)
            result += step
          }
        }
      }
    }

    private func passes(_ shape: [Int]) -> [Pass] {
      var shape = shape
      var passes: [Pass] = []
      for case (let number, let axis?) in axes.enumerated() {
        passes.append(
          Pass(
            axis: axis, outer: shape[..<number].reduce(1, *), extent: shape[number],
            step: shape[(number + 1)...].reduce(1, *)))
        shape[number] = axis.lows.count
      }
      return passes
    }

    private static func size(_ pass: Pass, _ images: Int) -> Int {
      images * pass.outer * pass.axis.lows.count * pass.step
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (passes, stride) = (passes(inputs[0]), output.reduce(1, *))
      return { inputs, images, output in
        let count = images * Self.count(passes, stride)
        var held = [Float](UnsafeBufferPointer(start: inputs[0], count: count))
        for pass in passes {
          var next = [Float](repeating: 0, count: Self.size(pass, images))
          pass.forEach(images) { low, share, result in
            for index in 0..<pass.step {
              let value = held[low + index]
              next[result + index] =
                share == 0 ? value : value + share * (held[low + pass.step + index] - value)
            }
          }
          held = next
        }
        held.withUnsafeBufferPointer { source in
          if let address = source.baseAddress { output.update(from: address, count: held.count) }
        }
      }
    }

    /// Elements of an image of what the passes read.
    private static func count(_ passes: [Pass], _ stride: Int) -> Int {
      passes.first.map { $0.outer * $0.extent * $0.step } ?? stride
    }

    /// Each element's gradient goes to its two neighbours by their shares.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (passes, stride) = (passes(inputs[0]), output.reduce(1, *))
      return .inPieces { pass in
        let images = pass.images
        var held = [Float](UnsafeBufferPointer(start: pass.outputGradient, count: images * stride))
        for own in passes.reversed() {
          var next = [Float](repeating: 0, count: images * own.outer * own.extent * own.step)
          own.forEach(images) { low, share, result in
            for index in 0..<own.step {
              next[low + index] += (1 - share) * held[result + index]
              if share != 0 { next[low + own.step + index] += share * held[result + index] }
            }
          }
          held = next
        }
        held.withUnsafeBufferPointer { source in
          guard let address = source.baseAddress else { return }
          pass.inputGradients[0].update(from: address, count: held.count)
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Linear interpolation along axes; nil for an axis that stays as it is.
  public static func interpolate(_ axes: [FloatGraph.Interpolate.Axis?]) -> Self {
    Self(FloatGraph.Interpolate(axes: axes))
  }
}
