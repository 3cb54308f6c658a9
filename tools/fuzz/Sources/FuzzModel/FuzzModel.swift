import CupelModelImport
import CupelModelWriter
import Foundation
import Fuzzing

/// An ONNX or TFLite file: refused, or a sound graph, or a program that the writer takes or refuses.
@main struct FuzzModel {
  static func main() {
    exit(
      fuzz { start, size in
        switch try? ModelImporter.load(bytes: bytes(start, size)) {
        case .float(let graph): try! graph.validate()
        case .integer(let program): _ = try? CupelWriter.bytes(of: program)
        case nil: break
        }
        return 0
      })
  }
}
