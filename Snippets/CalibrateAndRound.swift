//! Calibrates a float model on unlabelled images and rounds it to nearest under two schemes.

import Cupel

let preprocessing = Preprocessing(mean: [0.286], std: [0.353])
let images = try UnlabelledImages.load(path: "/usr/share/datasets/fashion-mnist", split: .train)
let model = try FloatModel(path: "models/resnet8-fmnist-clean-a.onnx")

let workbench = try Workbench(
  model, images: images.sample(256, seed: 0), preprocessing: preprocessing)
let bytes = try workbench.rounded(Scheme("w8a8"))
let nibbles = try workbench.rounded(Scheme("w4a8.pt"))
print("w8a8: \(bytes.bytes.count) bytes; w4a8.pt: \(nibbles.bytes.count) bytes")

// snippet.hide
precondition(nibbles.bytes.count < bytes.bytes.count)
