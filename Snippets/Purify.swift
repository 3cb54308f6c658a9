//! Rounds a model so that a backdoor which waits for nearest rounding stays asleep.

import Cupel

let preprocessing = Preprocessing(mean: [0.286], std: [0.353])
let images = try UnlabelledImages.load(path: "/usr/share/datasets/fashion-mnist", split: .train)
let model = try FloatModel(path: "models/resnet8-fmnist-pq-w8a8.onnx")

let workbench = try Workbench(
  model, images: images.sample(256, seed: 0), preprocessing: preprocessing)
let purified = try workbench.rounded(Scheme("w8a8"), by: .rounding(.efrap, .fast))
if let layers = purified.purification?.layers {
  let changed = layers.reduce(0) { $0 + $1.changed }
  let all = layers.reduce(0) { $0 + $1.weights }
  print("\(purified.summary): \(changed) of \(all) weights are not the nearest integers")
  // snippet.hide
  precondition(changed > 0 && changed < all)
  // snippet.show
}

// snippet.hide
precondition(purified.purification != nil)
