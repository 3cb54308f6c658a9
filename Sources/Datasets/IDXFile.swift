/// An IDX file of unsigned bytes (Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section
/// "The IDX file format"), as it is or gzip-compressed: two zero bytes, the type 0x08, the number
/// of dimensions, each extent as a big-endian 32-bit number, and the values.
struct IDXFile {
  let path: String
  /// As many as asked for, each at least 1.
  let extents: [Int]
  /// Their product many.
  let values: [UInt8]

  /// The largest height and width.
  private static let longestSide = 4096

  /// - Parameter bytes: the file's content. It is compressed if it starts like gzip, whatever the
  ///   file's name.
  /// - Throws: `DatasetError` where the file states other dimensions, no values or more than
  ///   1 GiB, or is longer or shorter than it states.
  init(path: String, bytes: [UInt8], dimensions: Int) throws(DatasetError) {
    self.path = path
    // The content is inflated only as far as asked for.
    func start(_ count: Int) throws(DatasetError) -> ArraySlice<UInt8> {
      guard Gzip.isGzip(bytes) else { return bytes.prefix(count) }
      return try Gzip.inflate(bytes[...], limit: count, path: path)[...]
    }
    let headerSize = 4 + 4 * dimensions
    let header = try start(headerSize)
    extents = try Self.extents(header, path: path, dimensions: dimensions)
    let size = headerSize + (try Self.valueCount(extents, path: path))
    // One byte more than stated tells a file that is longer from one that is right.
    let content = try start(size + 1)
    guard content.count == size else {
      throw DatasetError(
        path: path, offset: min(content.count, size),
        rule: content.count < size
          ? "it ends here, where its header states \(size) bytes in all"
          : "it goes on, where its header states \(size) bytes in all")
    }
    values = Array(content[headerSize...])
  }

  private static func extents(
    _ header: ArraySlice<UInt8>, path: String, dimensions: Int
  ) throws(DatasetError) -> [Int] {
    guard header.count == 4 + 4 * dimensions else {
      throw DatasetError(
        path: path, offset: header.count,
        rule: "it ends within the IDX header of \(4 + 4 * dimensions) bytes")
    }
    guard Array(header[..<4]) == [0, 0, 8, UInt8(dimensions)] else {
      let found = header[..<4].map { String($0, radix: 16) }.joined(separator: " ")
      throw DatasetError(
        path: path, offset: 0,
        rule: "it starts with the bytes \(found) (hexadecimal), and IDX with \(dimensions) "
          + "dimension\(dimensions == 1 ? "" : "s") of unsigned bytes with 0 0 8 \(dimensions)")
    }
    return (1...dimensions).map { index in
      header[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) }
    }
  }

  private static func valueCount(_ extents: [Int], path: String) throws(DatasetError) -> Int {
    var count = 1
    for (index, extent) in extents.enumerated() {
      func error(_ rule: String) -> DatasetError {
        DatasetError(path: path, offset: 4 + 4 * index, rule: rule)
      }
      guard extent > 0 else { throw error("dimension \(index + 1) is 0") }
      guard index == 0 || extent <= longestSide else {
        throw error("dimension \(index + 1) is \(extent), and at most \(longestSide) is allowed")
      }
      // At most 2³⁰ · 2³², which fits.
      count *= extent
      guard count <= UnlabelledImages.largestSize else {
        throw error("it states more than \(UnlabelledImages.largestSize) values")
      }
    }
    return count
  }
}
