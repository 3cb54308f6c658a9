import CupelDatasets
import CupelSupport
import Foundation
import TestSupport
import Testing

/// `.npy` and `.npz` files as NumPy writes them (`tools/golden/numpy_files.py`), and damaged ones.
@Suite struct NumpyTests {
  struct Golden: Decodable {
    struct File: Decodable, Sendable, CustomTestStringConvertible {
      let name: String
      let shape: [Int]
      let values: [Double]
      let bytes: Data

      var testDescription: String { name }
    }

    let numpy: String
    let files: [File]
    let fortran, object, stored, deflated: Data

    static func load() throws -> Golden {
      let url = Repository.golden("DatasetsTests").appendingPathComponent("numpy.json")
      return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    }
  }

  @Test(arguments: try Golden.load().files)
  func arrayIsNumPys(_ file: Golden.File) throws {
    let array = try NumpyArray(bytes: [UInt8](file.bytes), path: file.name)
    #expect(array.shape == file.shape)
    #expect(array.count == file.values.count)
    #expect(array.floats() == file.values.map { Float($0) })
    if array.type.isFloat {
      #expect(array.integers() == nil)
    } else {
      #expect(array.integers() == file.values.map { Int($0) })
    }
    #expect((array.unsignedBytes() != nil) == (array.type == .uint8))
  }

  @Test(arguments: [\Golden.stored, \Golden.deflated])
  func archiveHoldsItsArrays(_ content: KeyPath<Golden, Data> & Sendable) throws {
    let archive = try NumpyArchive(bytes: [UInt8](Golden.load()[keyPath: content]), path: "a.npz")
    #expect(archive.names == ["first", "layer/second"])
    let first = try #require(try archive.array("first"))
    #expect(first.shape == [3, 4])
    #expect(first.integers() == Array(-6..<6))
    #expect(try archive.array("layer/second")?.unsignedBytes() == Array(0..<9))
    #expect(try archive.array("third") == nil)
  }

  @Test func whatIsNotKnownIsRefused() throws {
    let golden = try Golden.load()
    func rule(_ bytes: [UInt8]) -> String {
      do {
        _ = try NumpyArray(bytes: bytes, path: "a.npy")
        return "accepted"
      } catch {
        return error.description
      }
    }
    #expect(rule([UInt8](golden.fortran)).contains("Fortran order"))
    #expect(rule([UInt8](golden.object)).hasPrefix("a.npy: byte "))
    #expect(rule(Array("hello, world".utf8)).contains("does not start as a .npy file"))
    let good = [UInt8](golden.files[1].bytes)
    #expect(rule(good.dropLast()).contains("11 bytes of elements, where its header states 12 of 1"))
    #expect(rule(good + [0]).contains("13 bytes of elements"))
    // A shape whose product wraps to the right number.
    let text = String(decoding: good[10..<good.count - 12], as: UTF8.self)
    let wrapped = text.replacingOccurrences(of: "(2, 3, 2)", with: "(4294967296, 4294967296, 12)")
    let padded = wrapped.trimmingCharacters(in: .whitespacesAndNewlines)
    let header = padded + String(repeating: " ", count: 200 - padded.utf8.count)
    let bytes = good[..<8] + [200, 0] + Array(header.utf8) + good.suffix(12)
    #expect(rule(Array(bytes)).contains("more than 2^63 elements"))
  }

  /// A few hundred bytes of deflated zeros that state gigabytes are refused by what they state.
  @Test func limitsHold() throws {
    let stored = [UInt8](try Golden.load().stored)
    #expect(throws: DatasetError.self) {
      try NumpyArchive(bytes: stored, path: "a", limit: 100).array("first")
    }
  }
}
