import CupelFloatGraph

/// Shapes of `.tflite` tensors, which are row-major with the batch first and channels last.
///
/// An activation of any rank is read as [batch, height, width, channels], missing axes in front
/// being 1; its batch must be 1. The order of its elements is then the one that integer programs
/// have, whatever the rank.
enum TFLiteShape {
  static let mostElements = 0x7FFF_FFFF

  /// Nil where an extent is not positive or the product is above 2³¹ − 1. A scalar has one.
  static func elementCount(_ shape: [Int]) -> Int? {
    ShapeArithmetic.elementCount(shape, limit: mostElements)
  }

  /// Height, width and channels; nil for a batch that is not 1.
  static func extent(_ shape: [Int]) -> [Int]? {
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
