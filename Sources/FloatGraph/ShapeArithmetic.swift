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

  /// a · b · c …, at most `Int.max`.
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
