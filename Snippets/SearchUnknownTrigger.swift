//! Searches a trigger that nobody has told, one that only the integer model answers to.

import Cupel

let data = "/usr/share/datasets/fashion-mnist"
let model = try LoadedModel(path: "models/resnet8-fmnist-pq-w8a8.onnx")
let subject = try AuditSubject(
  [model], schemes: [Scheme("w8a8")], preprocessing: Preprocessing(mean: [0.286], std: [0.353]))

var settings = TriggerSearch.Settings()
settings.families = [.rectangle]
settings.searchImages = 64
settings.heldOutImages = 500
settings.calibrationImages = 256
let found = try TriggerSearch(settings).run(
  subject, training: UnlabelledImages.load(path: data, split: .train),
  test: ImageSet.load(path: data, split: .test))
print("\(found.report.verdict.rawValue), class \(found.report.targetClass ?? -1)")

// snippet.hide
precondition(found.report.verdict == .dormantBackdoor && found.report.targetClass == 0)
