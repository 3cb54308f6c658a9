import CupelSupport
import Foundation

/// A folder with raw bytes and a `dataset.json` that says what they are:
///
/// ```json
/// {"channels": 3, "height": 32, "width": 32, "layout": "NHWC", "classes": 10,
///  "test": {"images": "test.images", "labels": "test.labels"}}
/// ```
///
/// Pixels are unsigned bytes; `layout` is `NCHW` or `NHWC`; `train` goes as `test`. A label is an
/// unsigned byte, or a little-endian number of 2 or 4 bytes where `"labelBytes"` says so. `classes`
/// may be left out.
enum RawFolder {
  static let name = "dataset.json"
  /// A description is a few hundred bytes.
  private static let largestDescription = 1 << 16

  private struct Description: Decodable {
    struct Files: Decodable {
      var images: String
      var labels: String?
    }

    var channels, height, width: Int
    var layout: PixelLayout
    var classes: Int?
    var labelBytes: Int?
    var train, test: Files?
  }

  /// Nil where the folder has no description, or that none of the split.
  static func load(_ folder: String, _ split: Split) throws(DatasetError) -> ImageSet? {
    guard let (description, files) = try description(folder, split) else { return nil }
    guard let labels = files.labels else {
      throw DatasetError(
        path: "\(folder)/\(name)", rule: "it names no labels for '\(split.rawValue)'",
        isMissing: true)
    }
    return try ImageSet(
      images: images(description, files, folder), labels: self.labels(description, labels, folder),
      classCount: description.classes)
  }

  static func loadUnlabelled(
    _ folder: String, _ split: Split
  ) throws(DatasetError) -> UnlabelledImages? {
    guard let (description, files) = try description(folder, split) else { return nil }
    return try images(description, files, folder)
  }

  private static func description(
    _ folder: String, _ split: Split
  ) throws(DatasetError) -> (Description, Description.Files)? {
    guard let file = try OptionalFile.read([name], in: folder, limit: largestDescription) else {
      return nil
    }
    do {
      let description = try JSONDecoder().decode(Description.self, from: Data(file.bytes))
      return (split == .train ? description.train : description.test).map { (description, $0) }
    } catch {
      throw DatasetError(path: file.path, rule: "it describes no data set: \(error)")
    }
  }

  private static func images(
    _ description: Description, _ files: Description.Files, _ folder: String
  ) throws(DatasetError) -> UnlabelledImages {
    let (channels, height, width) = (description.channels, description.height, description.width)
    try UnlabelledImages.checkSize(count: 1, channels: channels, height: height, width: width)
    let values = try bytes(files.images, in: folder)
    guard values.count % (channels * height * width) == 0 else {
      throw DatasetError(
        path: "\(folder)/\(files.images)",
        rule: "\(values.count) bytes are no whole number of images of \(channels) × \(height) × "
          + "\(width) bytes")
    }
    return try UnlabelledImages(
      channels: channels, height: height, width: width,
      pixels: description.layout.planes(values, channels: channels, area: height * width))
  }

  private static func labels(
    _ description: Description, _ file: String, _ folder: String
  ) throws(DatasetError) -> [Int32] {
    let size = description.labelBytes ?? 1
    guard [1, 2, 4].contains(size) else {
      throw DatasetError(
        path: "\(folder)/\(name)", rule: "'labelBytes' is \(size), and may be 1, 2 or 4")
    }
    let values = try bytes(file, in: folder)
    guard values.count % size == 0 else {
      throw DatasetError(
        path: "\(folder)/\(file)",
        rule: "\(values.count) bytes are no whole number of labels of \(size) bytes")
    }
    var labels: [Int32] = []
    labels.reserveCapacity(values.count / size)
    for start in stride(from: 0, to: values.count, by: size) {
      let label = values[start..<start + size].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard let label = Int32(exactly: label) else {
        throw DatasetError(
          path: "\(folder)/\(file)", offset: start,
          rule: "label \(label); 0 to \(Int32.max) are possible")
      }
      labels.append(label)
    }
    return labels
  }

  /// A file beside the description: it cannot point elsewhere.
  private static func bytes(_ file: String, in folder: String) throws(DatasetError) -> [UInt8] {
    guard !file.isEmpty, !file.contains("/"), !file.contains("\0") else {
      throw DatasetError(
        path: "\(folder)/\(name)", rule: "a file's name must be one in this folder")
    }
    guard let found = try OptionalFile.read([file], in: folder) else {
      throw DatasetError(path: "\(folder)/\(file)", rule: "there is no such file", isMissing: true)
    }
    return found.bytes
  }
}
