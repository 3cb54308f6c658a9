import CupelFloatGraph

/// Shapes of `.tflite` tensors, which are row-major with the batch first and channels last.
///
/// Integer programs hold an activation of any rank as three axes: all but the last two as one, and
/// those. The order of its elements is the same.
enum TFLiteShape {
  static let mostElements = 0x7FFF_FFFF
  /// Axes that a tensor may have: more than any kernel of LiteRT takes.
  static let mostAxes = 8

  /// Nil where an extent is not positive or the product is above 2³¹ − 1. A scalar has one.
  static func elementCount(_ shape: [Int]) -> Int? {
    ShapeArithmetic.elementCount(shape, limit: mostElements)
  }

  /// The three axes of a program; missing ones in front are 1. Nil for a shape of no elements, or of
  /// too many axes or elements.
  static func extent(_ shape: [Int]) -> [Int]? {
    guard shape.count <= mostAxes, elementCount(shape) != nil else { return nil }
    let axes = Array(repeating: 1, count: max(0, 3 - shape.count)) + shape
    return [axes.dropLast(2).reduce(1, *)] + axes.suffix(2)
  }

  /// Height, width and channels of one image; nil for a batch that is not 1.
  static func image(_ shape: [Int]) -> [Int]? {
    guard elementCount(shape) != nil, shape.dropLast(3).allSatisfy({ $0 == 1 }) else { return nil }
    return Array(repeating: 1, count: max(0, 3 - shape.count)) + shape.suffix(3)
  }

  /// Which of height (0), width and channels axis `axis` of a tensor of rank `rank` is; negative
  /// axes count from the end. Nil for one that does not exist, and −1 or less for a batch axis.
  static func axis(_ axis: Int, rank: Int) -> Int? {
    let position = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(position) else { return nil }
    return position - rank + 3
  }
}
