import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

/// Programs compute one image at a time: of a batch each image has operations of its own, whose
/// results are joined again.
extension TFLiteIntegerConverter {
  /// The images of an input, each a tensor of its own.
  mutating func images(_ position: Int = 0) throws(ImportError) -> [Int] {
    let batch = try array(position)
    let number = batch.shape.dropLast(3).reduce(1, *)
    guard number > 1 else { return [batch.tensor] }
    try node.support(number <= ProgramBuilder.mostJoined, "a batch of \(number) images")
    let shape = [number] + batch.shape.suffix(3)
    return (0..<number).map { index in
      let name = Self.derived(builder[batch.tensor].name, "/image\(index)")
      var axes = shape.map { SliceAxis(of: $0) }
      axes[0] = SliceAxis(of: number, start: index, count: 1)
      let last = builder.slice(ArrayView(batch.tensor, shape: shape, name: name), axes)
      return builder.append(last, named: name)
    }
  }

  /// Appends what makes a node's output of each image.
  ///
  /// - Parameters:
  ///   - extent: height, width and channels that each gives.
  ///   - operation: the last operation for an image, and what it reads.
  mutating func finish(
    each images: [Int], extent: [Int],
    _ operation: (inout Self, Int) throws(ImportError) -> (kind: IntegerOperation.Kind, input: Int)
  ) throws(ImportError) {
    guard images.count > 1 else {
      let own = try operation(&self, images[0])
      return try finish(own.kind, [own.input], extent: extent)
    }
    let output = try description(try node.output())
    var parts: [ArrayView] = []
    for (index, image) in images.enumerated() {
      let own = try operation(&self, image)
      let name = Self.derived(output.name, "/image\(index)")
      let part = builder.append(
        name, own.kind, [own.input],
        giving: IntegerTensor(name: name, extent: extent, grid: output.grid))
      parts.append(ArrayView(part, shape: [1] + extent, name: name))
    }
    try finish(builder.join(parts, axis: 0, named: Self.derived(output.name, "")))
  }
}
