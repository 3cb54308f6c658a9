import Datasets
import Foundation
import Support
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
      let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Golden/numpy.json")
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

  /// No damage crashes, hangs or goes unnoticed: what is accepted states no more than is there.
  @Test func damagedFilesAreRefusedOrSound() throws {
    let golden = try Golden.load()
    let bases = [golden.files[1].bytes, golden.files[10].bytes, golden.stored, golden.deflated]
    var generator = SeededGenerator(seed: 9)
    var accepted = 0
    for round in 0..<20_000 {
      var bytes = [UInt8](bases[round % bases.count])
      switch Int.random(in: 0..<3, using: &generator) {
      case 0:
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
          let place = Int.random(in: bytes.indices, using: &generator)
          bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
      case 1: bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator)))
      default:
        let length = Int.random(in: 1...16, using: &generator)
        let from = Int.random(in: 0...bytes.count - length, using: &generator)
        let to = Int.random(in: 0...bytes.count - length, using: &generator)
        bytes.replaceSubrange(to..<to + length, with: Array(bytes[from..<from + length]))
      }
      do throws(DatasetError) {
        if round % bases.count < 2 {
          let array = try NumpyArray(bytes: bytes, path: "a")
          #expect(array.count * array.type.bytes <= bytes.count)
          #expect(array.floats().count == array.count)
        } else {
          let archive = try NumpyArchive(bytes: bytes, path: "a", limit: 1 << 16)
          for name in archive.names { _ = try archive.array(name) }
        }
        accepted += 1
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    // The test would say little if nothing got past the first checks.
    #expect(accepted > 100, "\(accepted)")
  }

  /// A few hundred bytes of deflated zeros that state gigabytes are refused by what they state.
  @Test func limitsHold() throws {
    let stored = [UInt8](try Golden.load().stored)
    #expect(throws: DatasetError.self) {
      try NumpyArchive(bytes: stored, path: "a", limit: 100).array("first")
    }
  }
}
