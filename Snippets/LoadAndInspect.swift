//! Loads a vendor's float model and tells what it takes and answers.

import Cupel

let model = try FloatModel(path: "models/resnet8-fmnist-pq-w8a8.onnx")
let summary = ModelSummary(float: model)
let images = model.imageShape.map { "images of \($0)" } ?? "no images"
print(
  "\(summary.file): \(images), \(model.classCount) classes,",
  "\(summary.operators.count) layers, \(summary.parameters) parameters, \(summary.macs) MACs")

// snippet.hide
precondition(model.imageShape?.extents == [1, 28, 28] && model.classCount == 10)
precondition(summary.kind == "float" && summary.macs > summary.parameters)
