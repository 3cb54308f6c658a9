//! Exports an integer model for LiteRT, for ONNX Runtime, and as C for firmware.

import Cupel
import CupelModelExport
import CupelModelWriter
import Foundation

let model = try IntegerModel(path: "models/resnet8-fmnist-qura-w4a8.cupel")
let engine = model.engine
let program = engine.withModel { CupelReader.program(from: $0) }

let tflite = try TFLiteExporter.export(program)
let onnx = try OnnxExporter.export(program)
let source = engine.withFile { file in
  engine.withModel { view in
    CSource(model: view, file: Array(file), arenaBytes: engine.arenaBytes, name: "net")
  }
}
print("tflite \(tflite.bytes.count), ONNX \(onnx.bytes.count) bytes; notes: \(tflite.notes.count)")
print(
  source.header.split(separator: "\n").first { $0.contains("ARENA_SIZE") && $0.hasPrefix("#") }!)

// snippet.hide
// The exported file is read again as any vendor's, and computes the same.
let path = NSTemporaryDirectory() + "cupel-\(UUID()).tflite"
defer { try? FileManager.default.removeItem(atPath: path) }
try Data(tflite.bytes).write(to: URL(fileURLWithPath: path))
let again = try LoadedModel(path: path, profile: .tflm).integer().engine
let input = (0..<engine.inputCount).map { Int8(truncatingIfNeeded: $0 * 37) }
let outputs = try engine.outputs(input, threads: 1)
let copied = try again.outputs(input, threads: 1)
precondition(outputs == copied)
precondition(source.header.contains("cupel_model_net[CUPEL_MODEL_NET_FILE_SIZE]"))
