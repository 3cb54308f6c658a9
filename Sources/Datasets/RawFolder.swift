import CupelSupport
import Foundation

/// A folder with raw bytes and a `dataset.json` that says what they are:
///
/// ```json
/// {"channels": 3, "height": 32, "width": 32, "layout": "NHWC", "classes": 10,
///  "test": {"images": "test.images", "labels": "test.labels"}}
/// ```
///
/// Pixels and labels are unsigned bytes; `layout` is `NCHW` or `NHWC`; `train` goes as `test`.
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
    var classes: Int
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
      images: images(description, files, folder), labels: bytes(labels, in: folder),
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
