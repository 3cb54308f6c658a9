/// A folder with CIFAR-10's binary version (A. Krizhevsky, "The CIFAR-10 dataset"): files of
/// records, each one byte of label and 3 × 32 × 32 bytes of pixels.
enum CIFARFolder {
  private static let classCount = 10
  private static let channels = 3
  private static let side = 32
  private static let recordSize = 1 + channels * side * side

  static func names(_ split: Split) -> [String] {
    split == .train ? (1...5).map { "data_batch_\($0).bin" } : ["test_batch.bin"]
  }

  /// Nil where the folder lacks the split's first file.
  static func load(_ folder: String, _ split: Split) throws(DatasetError) -> ImageSet? {
    var labels: [Int32] = []
    var pixels: [UInt8] = []
    for name in names(split) {
      let limit = UnlabelledImages.largestSize - pixels.count
      guard let file = try OptionalFile.read([name], in: folder, limit: limit) else {
        if name == names(split)[0] { return nil }
        throw DatasetError(
          path: folder, rule: "\(name) is not there beside \(names(split)[0])", isMissing: true)
      }
      try append(file.bytes, of: file.path, to: &labels, &pixels)
    }
    return try ImageSet(
      images: UnlabelledImages(channels: channels, height: side, width: side, pixels: pixels),
      labels: labels, classCount: classCount)
  }

  private static func append(
    _ bytes: [UInt8], of path: String, to labels: inout [Int32], _ pixels: inout [UInt8]
  ) throws(DatasetError) {
    guard !bytes.isEmpty else { throw DatasetError(path: path, rule: "it has no images") }
    guard bytes.count % recordSize == 0 else {
      throw DatasetError(
        path: path, offset: bytes.count / recordSize * recordSize,
        rule: "the record that starts here is cut off: the file's \(bytes.count) bytes are no "
          + "whole number of records of \(recordSize) bytes")
    }
    pixels.reserveCapacity(pixels.count + bytes.count)
    for start in stride(from: 0, to: bytes.count, by: recordSize) {
      guard bytes[start] < classCount else {
        throw DatasetError(
          path: path, offset: start,
          rule: "label \(bytes[start]), and CIFAR-10 has the classes 0 to \(classCount - 1)")
      }
      labels.append(Int32(bytes[start]))
      pixels += bytes[start + 1..<start + recordSize]
    }
  }
}
