//! Runs images through an integer model, on every core, and counts right answers.

import Cupel

let model = try IntegerModel(path: "models/resnet8-fmnist-qura-w4a8.cupel")
let test = try ImageSet.load(
  path: "/usr/share/datasets/fashion-mnist", split: .test, limit: 2000)

// What pixels become is told; a `.cupel` file that Cupel wrote says it itself.
let classifier = try IntegerClassifier(
  engine: model.engine, preprocessing: Preprocessing(mean: [0.286], std: [0.353]), threads: 2)
let answers = try classifier.answers(to: test, trigger: nil)
let right = zip(answers, test.labels).count { $0 == Int($1) }
print("\(right) of \(test.count) images, kernels for \(model.engine.instructionSet)")

// snippet.hide
precondition(right > 1700)
