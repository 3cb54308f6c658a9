//! Compares one integer model under the rounding of two runtimes.

import Cupel

let data = "/usr/share/datasets/fashion-mnist"
let path = "models/resnet8-fmnist-qura-w4a8.cupel"
let micro = try IntegerModel(path: path, profile: .tflm)
let mobile = try IntegerModel(path: path, profile: .xnnpack)
let test = try ImageSet.load(path: data, split: .test, limit: 500)

func answers(_ model: IntegerModel) throws -> [Int] {
  try IntegerClassifier(
    engine: model.engine, preprocessing: Preprocessing(mean: [0.286], std: [0.353]), threads: 2
  ).answers(to: test, trigger: nil)
}
let differing = try zip(answers(micro), answers(mobile)).count { $0 != $1 }
print("\(differing) of \(test.count) images are answered differently by XNNPACK")

// snippet.hide
precondition(differing < 25)
