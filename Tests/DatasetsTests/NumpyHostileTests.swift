import CupelDatasets
import CupelSupport
import Foundation
import TestSupport
import Testing

/// Damaged `.npy` and `.npz` files.
@Suite struct NumpyHostileTests {
  /// No damage crashes, hangs or goes unnoticed: what is accepted states no more than is there.
  @Test func damagedFilesAreRefusedOrSound() throws {
    let golden = try NumpyTests.Golden.load()
    let bases = [golden.files[1].bytes, golden.files[10].bytes, golden.stored, golden.deflated]
    var generator = SeededGenerator(seed: 9)
    var accepted = 0
    for round in 0..<Settings.mutants(usual: 20_000) {
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
}
