/// How two tensors that should be equal differ, over many images.
package struct TensorDifference: Sendable, Equatable {
  package var name: String
  /// Height, width, channels.
  package var extent: [Int]
  /// Elements compared so far.
  package private(set) var elements = 0
  package private(set) var differing = 0
  /// Those that differ by one unit of the grid.
  package private(set) var byOne = 0
  /// The largest difference in units of the grid.
  package private(set) var largest = 0
  /// Images in which any element differs, ascending.
  package private(set) var images: [Int] = []
  /// The first element that differs, images in their order.
  package private(set) var first: Place?

  package struct Place: Sendable, Equatable {
    package var image, row, column, channel: Int
    package var values: [Int]
  }

  /// - Parameter extent: height, width, channels.
  package init(name: String, extent: [Int]) {
    self.name = name
    self.extent = extent
  }

  /// Compares some images more.
  ///
  /// - Parameters:
  ///   - one, other: whole images in height, width, channel order.
  ///   - firstImage: number of the first of them; images come in ascending order.
  package mutating func add(_ one: [Int], _ other: [Int], firstImage: Int) {
    let size = max(extent.reduce(1, *), 1)
    for index in 0..<min(one.count, other.count) {
      elements += 1
      let difference = abs(one[index] - other[index])
      if difference == 0 { continue }
      let image = firstImage + index / size
      differing += 1
      if difference == 1 { byOne += 1 }
      largest = max(largest, difference)
      if images.last != image { images.append(image) }
      if first == nil {
        let place = index % size
        first = Place(
          image: image, row: place / (extent[1] * extent[2]),
          column: place / extent[2] % extent[1], channel: place % extent[2],
          values: [one[index], other[index]])
      }
    }
  }
}
