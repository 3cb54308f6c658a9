//! Cancels a search: it ends with `CancellationError` soon after its task is cancelled.

import Cupel

let data = "/usr/share/datasets/fashion-mnist"
let model = try LoadedModel(path: "models/resnet8-fmnist-pq-w8a8.onnx")
let subject = try AuditSubject(
  [model], schemes: [Scheme("w8a8")], preprocessing: Preprocessing(mean: [0.286], std: [0.353]))
let training = try UnlabelledImages.load(path: data, split: .train)
let test = try ImageSet.load(path: data, split: .test)

let (steps, told) = AsyncStream.makeStream(of: String.self)
let context = RunContext { told.yield($0.step) }
let search = Task.detached {
  try TriggerSearch(context: context).run(subject, training: training, test: test)
}
for await step in steps where step.contains("rectangle") {
  print("cancelled at: \(step)")
  search.cancel()
  break
}
let outcome = await search.result

// snippet.hide
switch outcome {
case .success: preconditionFailure("the search went on")
case .failure(let error): precondition(error is CancellationError, "\(error)")
}
