/// Size arithmetic that never traps: graphs come from files that nobody vouches for.
package enum ShapeArithmetic {
  /// Largest number of elements an activation may have per image (64 MiB of float32). The largest
  /// of a VGG-16 at 224 × 224 has 3.2 million.
  package static let maximumElements = 1 << 24
  /// Largest extent, stride, dilation or padding of a window.
  package static let maximumWindowExtent = 1 << 16
  package static let maximumRank = 8

  /// Π shape, or nil if an extent is not positive or the product exceeds `limit`.
  package static func elementCount(_ shape: [Int], limit: Int = maximumElements) -> Int? {
    var product = 1
    for extent in shape {
      guard extent > 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      if overflow || next > limit { return nil }
      product = next
    }
    return product
  }

  /// a · b · c …, clamped to `Int.max`.
  package static func saturatingProduct(_ factors: Int...) -> Int {
    var product = 1
    for factor in factors {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return .max }
      product = next
    }
    return product
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

  private func checkRanges() throws(RuleViolation) {
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
