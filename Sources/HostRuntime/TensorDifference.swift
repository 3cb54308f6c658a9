/// How two tensors that should be equal differ, over many images.
public struct TensorDifference: Sendable, Equatable {
  public var name: String
  /// Height, width, channels.
  public var extent: [Int]
  /// Elements compared so far.
  public private(set) var elements = 0
  public private(set) var differing = 0
  /// Those that differ by one unit of the grid.
  public private(set) var byOne = 0
  /// The largest difference in units of the grid.
  public private(set) var largest = 0
  /// Images in which any element differs, ascending.
  public private(set) var images: [Int] = []
  /// The first element that differs, images in their order.
  public private(set) var first: Place?

  public struct Place: Sendable, Equatable {
    public var image, row, column, channel: Int
    public var values: [Int]
  }

  /// - Parameter extent: height, width, channels.
  public init(name: String, extent: [Int]) {
    self.name = name
    self.extent = extent
  }

  /// Compares some images more.
  ///
  /// - Parameters:
  ///   - one, other: whole images in height, width, channel order.
  ///   - firstImage: number of the first of them; images come in ascending order.
  public mutating func add(_ one: [Int], _ other: [Int], firstImage: Int) {
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
