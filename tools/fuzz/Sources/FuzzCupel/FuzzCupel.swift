import CupelHostRuntime
import CupelModelWriter
import Foundation
import Fuzzing

/// A `.cupel` file, its digest made to fit: refused, or loaded and, if it is small, run.
@main struct FuzzCupel {
  static func main() {
    exit(
      fuzz { start, size in
        var file = bytes(start, size)
        if file.count >= 128 { CupelWriter.redigest(&file) }
        guard let engine = try? IntegerEngine(bytes: file), engine.arenaBytes <= 1 << 16 else {
          return 0
        }
        let input = [Int8](repeating: 3, count: engine.inputShape.reduce(1, *))
        _ = try? engine.outputs(input, threads: 1)
        return 0
      })
  }
}
