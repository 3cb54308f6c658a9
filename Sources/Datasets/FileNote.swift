import CupelSupport

/// What a reader of a data set did that its user may not expect: files that it left out, or
/// changed.
public struct FileNote: Sendable, Codable, Equatable, CustomStringConvertible {
  /// What was done, and why.
  public enum Reason: String, Sendable, Codable, CaseIterable {
    /// Left out: the name does not end as an image's does.
    case otherName
    /// Left out: the name begins with a dot.
    case hidden
    /// Left out: an image beside the class folders, which has no class.
    case withoutClass
    /// A class folder without any image.
    case emptyClass
    /// Grey became red, green and blue, as other images or the model have them.
    case greyToColour
    /// Grey of more than 8 bits became 8 bits.
    case reducedTo8Bits
  }

  /// What was done, and why.
  public let reason: Reason
  /// Files, folders or images, at least 1.
  public let count: Int
  /// One of them, from the data set's folder on; nil where images are no files.
  public let example: String?

  package init(reason: Reason, count: Int, example: String?) {
    (self.reason, self.count, self.example) = (reason, count, example)
  }

  /// One line for a person.
  public var description: String {
    let (one, many, why) =
      switch reason {
      case .otherName:
        (
          "file was left out", "files were left out",
          "the name does not end as an image's does"
        )
      case .hidden:
        (
          "hidden file or folder was left out", "hidden files or folders were left out",
          "the name begins with a dot"
        )
      case .withoutClass:
        ("image was left out", "images were left out", "it lies in no class's folder")
      case .emptyClass:
        ("class folder is empty", "class folders are empty", "no image of this split lies there")
      case .greyToColour:
        (
          "grey image was read as RGB", "grey images were read as RGB",
          "other images, or the model, have three channels"
        )
      case .reducedTo8Bits:
        (
          "grey image of 16 bits was scaled to 8", "grey images of 16 bits were scaled to 8",
          "Pillow cuts its values off at 255 instead"
        )
      }
    let such =
      example.map { " (\(count == 1 ? "" : "such as ")\(printable($0, limit: 200)))" } ?? ""
    return "\(count) \(count == 1 ? one : many)\(such): \(why)"
  }
}

/// Notes while a data set is read: one a reason, in the order of the reasons.
struct FileNotes {
  /// The data set's folder, from which examples are told.
  let folder: String
  private var found: [FileNote.Reason: (count: Int, example: String)] = [:]

  init(folder: String) { self.folder = folder }

  mutating func add(_ reason: FileNote.Reason, _ path: String) {
    let first = path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.count + 1)) : path
    found[reason, default: (0, first)].count += 1
  }

  var notes: [FileNote] {
    FileNote.Reason.allCases.compactMap { reason in
      found[reason].map { FileNote(reason: reason, count: $0.count, example: $0.example) }
    }
  }
}
