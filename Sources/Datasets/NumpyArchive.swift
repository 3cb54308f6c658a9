import CCupelZlib
import CupelSupport

/// The arrays of a `.npz` file: a zip archive (PKWARE, APPNOTE.TXT) of `.npy` files, stored or
/// deflated, as NumPy's `savez` and `savez_compressed` write it.
public struct NumpyArchive: Sendable {
  /// The arrays' names, without `.npy`, in the archive's order.
  public let names: [String]
  /// The file, for messages.
  public let path: String
  private let bytes: [UInt8]
  private let entries: [String: ZipDirectory.Entry]
  /// Most bytes that one array may take.
  private let limit: Int

  /// - Parameters:
  ///   - path: of the file.
  ///   - limit: most bytes of the file, and of an array in it.
  /// - Throws: `DatasetError` with the file's offset and the rule that it breaks.
  public init(path: String, limit: Int = 1 << 31) throws(DatasetError) {
    try self.init(bytes: InputFile.dataset(path, limit: limit), path: path, limit: limit)
  }

  /// - Parameters:
  ///   - bytes: of the file.
  ///   - path: for messages.
  ///   - limit: most bytes of an array.
  public init(bytes: [UInt8], path: String, limit: Int = 1 << 31) throws(DatasetError) {
    let directory = try ZipDirectory(bytes, path: path)
    var names: [String] = []
    var entries: [String: ZipDirectory.Entry] = [:]
    for entry in directory.entries {
      let name = entry.name.hasSuffix(".npy") ? String(entry.name.dropLast(4)) : entry.name
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw DatasetError(path: path, offset: entry.record, rule: "two entries have one name")
      }
      names.append(name)
    }
    self.names = names
    self.entries = entries
    self.bytes = bytes
    self.path = path
    self.limit = limit
  }

  /// The array of a name; nil where there is none.
  ///
  /// - Throws: `DatasetError` where the entry cannot be inflated, fails its checksum, or is no array.
  public func array(_ name: String) throws(DatasetError) -> NumpyArray? {
    guard let entry = entries[name] else { return nil }
    guard entry.size <= limit else {
      throw error(entry, "an entry of \(entry.size) bytes; \(limit) are read")
    }
    let content = try content(of: entry)
    let checksum = content.withUnsafeBufferPointer { buffer in
      czlib_crc32(buffer.baseAddress, UInt(buffer.count))
    }
    guard checksum == entry.checksum else { throw error(entry, "an entry's checksum is wrong") }
    return try NumpyArray(bytes: content, path: "\(path)/\(printable(name))")
  }

  private func content(of entry: ZipDirectory.Entry) throws(DatasetError) -> [UInt8] {
    let stored = bytes[entry.data]
    guard entry.isDeflated else {
      guard stored.count == entry.size else { throw error(entry, "a stored entry of two sizes") }
      return Array(stored)
    }
    let content = try Gzip.inflate(stored, isRaw: true, limit: entry.size + 1, path: path)
    guard content.count == entry.size else {
      throw error(entry, "an entry inflates to another size than the \(entry.size) bytes stated")
    }
    return content
  }

  private func error(_ entry: ZipDirectory.Entry, _ rule: String) -> DatasetError {
    DatasetError(path: path, offset: entry.record, rule: rule)
  }
}
