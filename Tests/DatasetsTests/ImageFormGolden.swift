import Foundation
import TestSupport

/// What `tools/golden/image_forms.py` wrote: files in every form with their pixels by Pillow, whose
/// version the file names, and files that are refused.
struct ImageFormGolden: Decodable {
  /// Sound files, one a form.
  let files: [ImageGolden.File]
  /// With faults that Pillow reads through.
  let harmless: [ImageGolden.File]
  /// With faults that Pillow refuses as well.
  let broken: [String: Data]
  /// Of kinds that Pillow reads and Cupel does not, by Pillow's names of them.
  let unread: [String: Data]

  static func load() throws -> ImageFormGolden {
    let url = Repository.golden("DatasetsTests").appendingPathComponent("image-forms.json")
    return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
  }
}
