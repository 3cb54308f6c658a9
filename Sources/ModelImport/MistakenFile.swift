/// What people have in place of a model's file, told by its first bytes.
enum MistakenFile: CaseIterable {
  case pointer, page, archive, compressed, hierarchy, pickle

  /// nil for what may be a model.
  static func told(by bytes: [UInt8]) -> MistakenFile? {
    allCases.first { kind in
      kind.beginnings.contains { begins(bytes, with: Array($0.utf8)) }
        || kind.magics.contains { bytes.starts(with: $0) }
    }
  }

  /// What it is, and what to do.
  var rule: String {
    switch self {
    case .pointer: "this is a pointer of Git LFS, not the model; fetch the file with git lfs pull"
    case .page: "this is a web page, not a model; download the file that the page shows"
    case .archive:
      "this is a zip archive (PyTorch's .pt files are some), not a model; unpack it, or export the "
        + "model to ONNX"
    case .compressed: "this is a compressed file, not a model; unpack it first"
    case .hierarchy:
      "this is an HDF5 file, such as Keras writes, not a model in ONNX or TensorFlow Lite; convert it"
    case .pickle:
      "this is a Python pickle, such as PyTorch writes, not a model in ONNX or TensorFlow Lite; "
        + "export it"
    }
  }

  /// Texts, in small letters, behind blanks.
  private var beginnings: [String] {
    switch self {
    case .pointer: ["version https://git-lfs"]
    case .page: ["<!doctype", "<html", "<?xml"]
    case .archive, .compressed, .hierarchy, .pickle: []
    }
  }

  private var magics: [[UInt8]] {
    switch self {
    case .pointer, .page: []
    case .archive: [[0x50, 0x4B, 3, 4], [0x50, 0x4B, 5, 6]]
    case .compressed:
      [[0x1F, 0x8B, 8], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], [0x28, 0xB5, 0x2F, 0xFD]]
    case .hierarchy: [[0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A]]
    case .pickle: [[0x80, 2, 0x8A], [0x80, 2, 0x7D], [0x80, 2, 0x63], [0x80, 4, 0x95]]
    }
  }

  private static func begins(_ bytes: [UInt8], with text: [UInt8]) -> Bool {
    // A byte order mark and blanks may come first.
    let marked = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    let rest = marked.prefix(1024).drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    guard !text.isEmpty, rest.count >= text.count else { return false }
    return zip(rest, text).allSatisfy { byte, wanted in
      byte == wanted || ((0x41...0x5A).contains(byte) && byte + 0x20 == wanted)
    }
  }
}
