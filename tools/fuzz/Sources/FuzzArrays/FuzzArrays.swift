import CupelDatasets
import Foundation
import Fuzzing

/// An `.npy` or `.npz` file: refused, or arrays whose every element can be read.
@main struct FuzzArrays {
  static func main() {
    exit(
      fuzz { start, size in
        let file = bytes(start, size)
        if let array = try? NumpyArray(bytes: file, path: "fuzz.npy") { _ = array.floats() }
        guard let archive = try? NumpyArchive(bytes: file, path: "fuzz.npz", limit: 1 << 24) else {
          return 0
        }
        for name in archive.names { _ = try? archive.array(name)?.floats() }
        return 0
      })
  }
}
