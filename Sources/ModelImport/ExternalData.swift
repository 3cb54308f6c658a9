import CupelOnnxSchema
import CupelSupport
import Foundation
import SwiftProtobuf

/// A part of a file beside a model's that holds a tensor's elements.
public struct ExternalData: Sendable {
  /// Reads such a part.
  public typealias Source = (ExternalData) throws -> [UInt8]

  /// The file's path, as the model states it.
  public var location: String
  /// Of the first byte.
  public var offset: Int
  /// In bytes; nil for all from the offset on.
  public var length: Int?
  /// The most bytes that the importer takes.
  public var limit: Int

  /// Reads from the folder that a model's file lies in, and from nowhere else.
  ///
  /// - Parameter path: the model's.
  public static func beside(_ path: String) -> Source {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    return { part in
      try InputFile.read(
        part.location, inside: folder, from: part.offset, count: part.length, limit: part.limit)
    }
  }
}

// MARK: - ONNX

extension OnnxTensor {
  /// Whether its elements are in another file.
  var isExternal: Bool { location != 0 || !external.isEmpty }

  /// Brings in the elements. Returns how many bytes they take.
  fileprivate mutating func load(
    from source: ExternalData.Source, limit: Int
  ) throws(ImportError) -> Int {
    let name = self.name
    func fail(_ rule: String) -> ImportError { .invalidTensor(name: name, rule: rule) }
    guard location == 1, raw.isEmpty else {
      throw fail("it does not say clearly whether its data lies in another file")
    }
    var part = try ExternalData(external, of: name)
    part.limit = limit
    do {
      let bytes = try source(part)
      guard bytes.count <= limit else { throw fail("its data takes too much memory") }
      (raw, external, location) = (Data(bytes), [], 0)
      return bytes.count
    } catch let error as ImportError {
      throw error
    } catch {
      throw fail("its data lies in another file: \(error)")
    }
  }
}

extension OnnxModel {
  /// Brings in what initializers have in other files. Returns how many bytes that were.
  ///
  /// - Parameters:
  ///   - source: nil where there is none to ask: what is external is then refused where it is read.
  ///   - size: of the model's own file.
  mutating func load(from source: ExternalData.Source?, size: Int) throws(ImportError) -> Int {
    guard let source else { return 0 }
    var total = 0
    // The message would copy its whole list at each change.
    var initializers = graph.initializers
    graph.initializers = []
    for index in initializers.indices where initializers[index].isExternal {
      let room = ModelImporter.maximumBytes - size - total
      total += try initializers[index].load(from: source, limit: room)
    }
    graph.initializers = initializers
    return total
  }
}

extension ExternalData {
  /// - Parameters:
  ///   - entries: each an `OnnxProperty`.
  ///   - name: the tensor's.
  fileprivate init(_ entries: [Data], of name: String) throws(ImportError) {
    (location, offset, length, limit) = ("", 0, nil, 0)
    for entry in entries {
      guard let pair = try? OnnxProperty(serializedBytes: entry),
        let value = String(validating: pair.value, as: UTF8.self)
      else {
        throw .invalidTensor(name: name, rule: "the place of its data in another file is malformed")
      }
      let key = String(decoding: pair.key, as: UTF8.self)
      switch key {
      case "location": location = value
      case "offset", "length":
        guard let number = Int(value), number >= 0 else {
          throw .invalidTensor(
            name: name, rule: "its data's \(key) in another file is '\(printable(value))'")
        }
        if key == "offset" { offset = number } else { length = number }
      default: continue
      }
    }
    guard !location.isEmpty else {
      throw .invalidTensor(name: name, rule: "its data lies in another file that it does not name")
    }
  }
}
