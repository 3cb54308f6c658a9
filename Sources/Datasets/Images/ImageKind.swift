/// The kinds of image files that are read. A file's first bytes tell its kind, whatever its name.
enum ImageKind {
  case png, jpeg, bitmap, portableMap

  /// - Throws: `DatasetError` that names the kind, where it is one that is known and not read.
  init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      self = .png
    } else if bytes.starts(with: [0xFF, 0xD8]) {
      self = .jpeg
    } else if bytes.starts(with: Array("BM".utf8)) {
      self = .bitmap
    } else if PortableMapReader.begins(bytes) {
      self = .portableMap
    } else {
      throw DatasetError(path: path, rule: Self.refusal(bytes))
    }
  }

  func reader(_ path: String, _ bytes: [UInt8]) throws(DatasetError) -> any ImageReader {
    switch self {
    case .png: try PNGReader(path: path, bytes: bytes)
    case .jpeg: try JPEGReader(path: path, bytes: bytes)
    case .bitmap: try BitmapReader(path: path, bytes: bytes)
    case .portableMap: try PortableMapReader(path: path, bytes: bytes)
    }
  }

  private static func refusal(_ bytes: [UInt8]) -> String {
    if bytes.isEmpty { return "it is empty; take it out of the folder, or fetch it again" }
    if bytes.starts(with: Array("version https://git-lfs".utf8)) {
      return "it is a pointer of Git LFS, not an image; fetch the image with 'git lfs pull'"
    }
    guard let name = unread.first(where: { $0.matches(bytes) })?.name else {
      return "it begins like none of the image files that are read: PNG, JPEG, BMP, PPM, PGM, PBM"
    }
    return "it is a file of the kind \(name), which is not read; convert it to PNG, "
      + "or take it out of the folder"
  }
}

extension ImageKind {
  /// A kind that is known by its first bytes, and not read.
  private struct Unread {
    let name: String
    /// Where the bytes stand, and what they are.
    let marks: [(offset: Int, text: String)]

    func matches(_ bytes: [UInt8]) -> Bool {
      marks.allSatisfy {
        bytes.dropFirst($0.offset).starts(with: $0.text.unicodeScalars.map { UInt8($0.value) })
      }
    }
  }

  /// Marks are bytes, each a scalar of Latin-1.
  private static let unread: [Unread] = [
    Unread(name: "WebP", marks: [(0, "RIFF"), (8, "WEBP")]),
    Unread(name: "TIFF", marks: [(0, "II*\0")]), Unread(name: "TIFF", marks: [(0, "MM\0*")]),
    Unread(name: "TIFF", marks: [(0, "II+\0")]), Unread(name: "TIFF", marks: [(0, "MM\0+")]),
    Unread(name: "GIF", marks: [(0, "GIF8")]),
    Unread(name: "JPEG 2000", marks: [(4, "jP  ")]),
    Unread(name: "JPEG 2000", marks: [(0, "\u{FF}\u{4F}\u{FF}\u{51}")]),
    Unread(name: "JPEG XL", marks: [(4, "JXL ")]),
    Unread(name: "JPEG XL", marks: [(0, "\u{FF}\u{0A}")]),
    Unread(name: "AVIF", marks: [(4, "ftypavi")]),
    Unread(name: "HEIC", marks: [(4, "ftyphe")]), Unread(name: "HEIC", marks: [(4, "ftypmif1")]),
    Unread(name: "HEIC", marks: [(4, "ftypmsf1")]),
    Unread(name: "PAM", marks: [(0, "P7")]), Unread(name: "PFM", marks: [(0, "Pf")]),
    Unread(name: "PFM", marks: [(0, "PF")]), Unread(name: "Photoshop", marks: [(0, "8BPS")]),
    Unread(name: "icon", marks: [(0, "\0\0\u{1}\0")]),
    Unread(name: "SVG", marks: [(0, "<svg")]), Unread(name: "XML", marks: [(0, "<?xml")]),
  ]

  /// Endings of the names of image files, in small letters: those of torchvision's `ImageFolder`,
  /// and of kinds that are refused by name, so that none of them is left out unheard.
  private static let endings = [
    "png", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "ppm", "pgm", "pbm", "pnm", "webp", "tif",
    "tiff", "gif", "jp2", "j2k", "jxl", "heic", "heif", "avif",
  ]

  /// Whether a file's name says that it is an image.
  static func isImage(_ name: String) -> Bool {
    guard let dot = name.lastIndex(of: ".") else { return false }
    return endings.contains(name[name.index(after: dot)...].lowercased())
  }
}
