import Cupel
import Foundation

guard CommandLine.arguments.count == 3 else {
  print("usage: AuditAndPurify MODEL.onnx OUTPUT_FOLDER")
  exit(64)
}
let data = "/usr/share/datasets/fashion-mnist"
let preprocessing = Preprocessing(mean: [0.286], std: [0.353])
let scheme = try Scheme("w8a8")
let training = try UnlabelledImages.load(path: data, split: .train)
let test = try ImageSet.load(path: data, split: .test)

/// Searches a rectangle that some deployment answers to and the float model does not.
@MainActor func audit(_ models: [LoadedModel], _ schemes: [Scheme] = []) throws -> Verdict {
  var settings = TriggerSearch.Settings()
  settings.families = [.rectangle]
  (settings.searchImages, settings.heldOutImages) = (64, 500)
  let subject = try AuditSubject(models, schemes: schemes, preprocessing: preprocessing)
  return try TriggerSearch(settings).run(subject, training: training, test: test).report.verdict
}

let model = try FloatModel(path: CommandLine.arguments[1])
print("rounded to nearest: \(try audit([.float(model)], [scheme]).rawValue)")

let workbench = try Workbench(
  model, images: training.sample(1024, seed: 0), preprocessing: preprocessing, schemes: [scheme])
let path = CommandLine.arguments[2] + "/purified.cupel"
try workbench.rounded(scheme, by: .auto).write(to: path)

let verdict = try audit([.float(model), .integer(IntegerModel(path: path))])
print("purified: \(verdict.rawValue)")
exit(verdict.exitCode)
