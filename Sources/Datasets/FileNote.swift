import CupelSupport

/// What a reader of a data set did that its user may not expect: files that it left out, or changed.
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
    let such = example.map { " (\(count == 1 ? "" : "such as ")\(printable($0, limit: 200)))" } ?? ""
    func text(_ one: String, _ many: String, _ rest: String) -> String {
      "\(count) \(count == 1 ? one : many)\(such) \(rest)"
    }
    return switch reason {
    case .otherName:
      text("file was", "files were", "left out: the name does not end as an image's does")
    case .hidden:
      text(
        "hidden file or folder was", "hidden files or folders were",
        "left out: the name begins with a dot")
    case .withoutClass:
      text("image was", "images were", "left out: it is in no class's folder")
    case .emptyClass: text("class folder has", "class folders have", "no image of this split")
    case .greyToColour:
      text(
        "grey image was", "grey images were",
        "read as red, green and blue of the same value, as other images or the model need it")
    case .reducedTo8Bits:
      text(
        "grey image of 16 bits was", "grey images of 16 bits were",
        "scaled to 8 bits (Pillow cuts the values off at 255 instead)")
    }
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
