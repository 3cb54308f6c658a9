extension FloatGraph {
  /// A sliding window. Padding is in elements; auto_pad is resolved by the importer.
  public struct Window: Sendable, Equatable {
    /// Elements of the kernel.
    public var kernelHeight, kernelWidth: Int
    /// How far the window moves at a time.
    public var strideHeight, strideWidth: Int
    /// The distance of the kernel's elements.
    public var dilationHeight, dilationWidth: Int
    /// Elements around the input.
    public var padTop, padLeft, padBottom, padRight: Int

    /// A window; all but padding must be at least 1, which `FloatGraph.validate` checks.
    public init(
      kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1,
      dilationHeight: Int = 1, dilationWidth: Int = 1,
      padTop: Int = 0, padLeft: Int = 0, padBottom: Int = 0, padRight: Int = 0
    ) {
      (self.kernelHeight, self.kernelWidth) = (kernelHeight, kernelWidth)
      (self.strideHeight, self.strideWidth) = (strideHeight, strideWidth)
      (self.dilationHeight, self.dilationWidth) = (dilationHeight, dilationWidth)
      (self.padTop, self.padLeft) = (padTop, padLeft)
      (self.padBottom, self.padRight) = (padBottom, padRight)
    }
  }
}

extension FloatGraph.Window {
  /// Rows and columns that the window touches from first to last: dilation · (kernel − 1) + 1.
  package var extentHeight: Int { dilationHeight * (kernelHeight - 1) + 1 }
  package var extentWidth: Int { dilationWidth * (kernelWidth - 1) + 1 }

  /// Height and width that sliding over `height` × `width` gives.
  package func outputExtents(
    height: Int, width: Int
  ) throws(RuleViolation) -> (height: Int, width: Int) {
    try checkRanges()
    let spanHeight = height + padTop + padBottom - extentHeight
    let spanWidth = width + padLeft + padRight - extentWidth
    guard spanHeight >= 0, spanWidth >= 0 else {
      throw RuleViolation(
        "window of \(extentHeight)×\(extentWidth) does not fit into the padded input of "
          + "\(height + padTop + padBottom)×\(width + padLeft + padRight)")
    }
    return (spanHeight / strideHeight + 1, spanWidth / strideWidth + 1)
  }

  func checkRanges() throws(RuleViolation) {
    let limit = ShapeArithmetic.maximumWindowExtent
    let positive = [
      kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth,
    ]
    guard positive.allSatisfy({ (1...limit).contains($0) }) else {
      throw RuleViolation("kernel, stride and dilation must lie in 1...\(limit)")
    }
    guard [padTop, padLeft, padBottom, padRight].allSatisfy({ (0...limit).contains($0) }) else {
      throw RuleViolation("padding must lie in 0...\(limit)")
    }
  }
}
