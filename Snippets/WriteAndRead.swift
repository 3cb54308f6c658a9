//! Writes an integer model as a `.cupel` file, reads it back, and runs the same integers.

import Cupel
import Foundation

let preprocessing = Preprocessing(mean: [0.286], std: [0.353])
let images = try UnlabelledImages.load(path: "/usr/share/datasets/fashion-mnist", split: .train)
let model = try FloatModel(path: "models/resnet8-fmnist-clean-a.onnx")
let rounded = try Workbench(
  model, images: images.sample(256, seed: 0), preprocessing: preprocessing
).rounded(Scheme("w8a8"))

let path = NSTemporaryDirectory() + "cupel-\(UUID()).cupel"
defer { try? FileManager.default.removeItem(atPath: path) }
try rounded.write(to: path)
let file = try IntegerModel(path: path)
print("\(file.engine.fileBytes) bytes, rounding \(file.rounding), profile \(file.profile)")

// snippet.hide
let input = [Int8](repeating: 3, count: file.engine.inputCount)
let outputs = try file.engine.outputs(input, threads: 1)
let expected = try rounded.engine().outputs(input, threads: 1)
precondition(outputs == expected && file.rounding == .nearest)
