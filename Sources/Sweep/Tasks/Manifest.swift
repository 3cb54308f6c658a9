import Cupel
import CupelSupport
import Foundation

/// The tasks of a sweep as a text file: a line of JSON each, behind a first line that tells what the
/// file is. It is written and read line by line, so that memory does not grow with it.
package enum Manifest {
  /// The first line.
  package struct Header: Codable, Equatable {
    /// Of the form of manifest.
    package var cupelSweep = Manifest.version
    /// Models that could not be read when the sweep was planned.
    package var leftOut: [LeftOut] = []
  }

  /// A model that no task is about.
  package struct LeftOut: Codable, Equatable {
    package var path: String
    package var reason: String

    package init(path: String, reason: String) { (self.path, self.reason) = (path, reason) }
  }

  /// A task's line.
  struct Line: Codable {
    var name: String
    var task: SweepTask
  }

  /// The form of manifest that is understood.
  package static let version = 1
  /// Bytes. A task that names a thousand files is shorter.
  static let longestLine = 1 << 20
}

/// Reads a manifest.
package final class ManifestReader {
  /// A task that was not decoded yet.
  package struct Entry {
    /// From 1.
    package var number: Int
    /// Of the task.
    package var name: String
    /// Of its JSON.
    var line: [UInt8]
  }

  package let header: Manifest.Header
  private let path: String
  private let lines: LineReader
  private var number = 0

  /// - Throws: `FileError`; `CupelError` where the file is no manifest.
  package init(_ path: String) throws {
    self.path = path
    lines = try LineReader(path, limit: Manifest.longestLine)
    let first = try lines.next() ?? []
    guard let header = try? JSONDecoder().decode(Manifest.Header.self, from: Data(first)) else {
      throw CupelError("\(path): it is no manifest of a sweep")
    }
    guard header.cupelSweep == Manifest.version else {
      throw CupelError(
        "\(path): its version is \(header.cupelSweep); \(Manifest.version) is understood")
    }
    self.header = header
  }

  /// The next task; nil after the last.
  ///
  /// - Throws: `FileError`; `CupelError` that names the line.
  package func next() throws -> Entry? {
    guard let line = try lines.next() else { return nil }
    number += 1
    guard let name = Self.name(of: line) else { throw Self.malformed(path, number) }
    return Entry(number: number, name: name, line: line)
  }

  /// The task of a number.
  ///
  /// - Parameter wanted: from 1.
  /// - Throws: `FileError`; `CupelError` where there is no such task, or its line is malformed.
  package static func task(_ wanted: Int, of path: String) throws -> SweepTask {
    let reader = try ManifestReader(path)
    while let entry = try reader.next() {
      if entry.number == wanted { return try entry.task(path) }
    }
    throw CupelError("\(path): it has no task \(wanted)", .usage)
  }

  /// Without decoding the line: its first member is the name.
  private static func name(of line: [UInt8]) -> String? {
    let start = Array(#"{"name":""#.utf8)
    guard line.count > start.count + 64, line.starts(with: start) else { return nil }
    let digits = line[start.count..<start.count + 64]
    let isHexadecimal = digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    return isHexadecimal ? String(decoding: digits, as: UTF8.self) : nil
  }

  fileprivate static func malformed(_ path: String, _ number: Int) -> CupelError {
    CupelError("\(path): line \(number + 1) is not as cupel sweep plan writes it")
  }
}

extension ManifestReader.Entry {
  /// - Throws: `CupelError` where the line is no task, or its name is not the task's.
  package func task(_ path: String) throws -> SweepTask {
    guard let decoded = try? JSONDecoder().decode(Manifest.Line.self, from: Data(line)),
      decoded.name == decoded.task.name
    else { throw ManifestReader.malformed(path, number) }
    return decoded.task
  }
}

/// Writes a manifest, which is there only once it is whole.
package struct ManifestWriter: ~Copyable {
  private var file: FileStream
  package private(set) var count = 0

  /// - Throws: `FileError`.
  package init(_ path: String, leftOut: [Manifest.LeftOut]) throws {
    let first = try Self.line(Manifest.Header(leftOut: leftOut))
    var file = try FileStream(replacing: path)
    try file.write(first)
    self.file = file
  }

  /// - Throws: `FileError`, `EncodingError`.
  package mutating func add(_ task: SweepTask) throws {
    try file.write(Self.line(Manifest.Line(name: task.name, task: task)))
    count += 1
  }

  private static func line(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try Array(encoder.encode(value)) + [10]
  }

  /// - Throws: `FileError`.
  package consuming func finish() throws { try file.finish() }
}
