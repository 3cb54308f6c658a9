//! Measures a trigger that is known: on the float model, and on what it becomes when rounded.

import Cupel

let data = "/usr/share/datasets/fashion-mnist"
let model = try LoadedModel(path: "models/resnet8-fmnist-pq-w8a8.onnx")
let subject = try AuditSubject(
  [model], schemes: [Scheme("w8a8")], preprocessing: Preprocessing(mean: [0.286], std: [0.353]))

let audit = KnownTriggerAudit(
  images: try ImageSet.load(path: data, split: .test, limit: 1000),
  trigger: try Trigger("patch:6x6@bottom-right:white"), target: 0)
let report = try audit.run(subject) {
  try UnlabelledImages.load(path: data, split: .train).sample(256, seed: 0)
}
let float = report.float?.attackSuccessRate ?? 0
let integer = report.deployments[0].attackSuccessRate
print(
  "\(report.verdict.rawValue): the trigger works in \(Int(100 * integer)) % of the images",
  "as integers, in \(Int(100 * float)) % in float")

// snippet.hide
precondition(report.verdict == .dormantBackdoor)
