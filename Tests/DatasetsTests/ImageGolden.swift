import Foundation
import TestSupport
import Testing

/// What `tools/golden/images.py` wrote: files, their pixels and resized images by Pillow, whose
/// version the file names.
struct ImageGolden: Decodable {
  struct File: Decodable {
    let name: String
    let file, pixels: Data
    let width, height, channels: Int
  }

  struct Resize: Decodable {
    /// Height, width.
    let from, to: [Int]
    let channels: Int
    let pixels, result: Data
  }

  let files: [File]
  let resizes: [Resize]

  static func load() throws -> ImageGolden {
    let url = Repository.golden("DatasetsTests").appendingPathComponent("images.json")
    return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
  }
}
