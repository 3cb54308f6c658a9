import ArgumentParser
import Cupel
import CupelSupport
import Foundation

/// How work is done, and who is told how far it is.
struct ComputeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Threads to use. Results do not depend on it.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  func validate() throws { try check("--threads", threads, in: 1...1024) }

  var reporter: ProgressReporter { ProgressReporter(isQuiet: quiet) }

  /// What the library is given; `reporter` shows how far it is.
  func context(_ reporter: ProgressReporter, seed: UInt64 = 0) -> RunContext {
    RunContext(threads: threads, seed: seed) {
      reporter.update($0.step, detail: $0.detail, $0.share)
    }
  }
}

/// How a float network is calibrated.
struct CalibrationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Unlabelled training images that ranges are taken from, and that a purification sees.",
      valueName: "n"))
  var calibration = 1024

  @Option(help: ArgumentHelp("Seed of every random choice.", valueName: "n"))
  var seed: UInt64 = 0

  func validate() throws { try check("--calibration", calibration, in: 1...1_000_000) }

  /// Unlabelled training images, drawn by the seed.
  func images(_ folder: String, size: ImageSize?, channels: Int?) throws -> UnlabelledImages {
    let images = try UnlabelledImages.load(
      path: folder, split: .train, size: size, channels: channels)
    FileNoteOutput.tell(images.notes, of: folder)
    return images.sample(calibration, seed: seed)
  }
}

extension Workbench {
  /// Calibrates a model on images of the folder that is given, or that is known of the model.
  init(
    _ model: FloatModel, data: DataOptions, calibration: CalibrationOptions, schemes: [Scheme],
    context: RunContext
  ) throws {
    let folder = try data.folder(dataset: model.specimen?.dataset)
    let preprocessing = try data.preprocessing(of: model)
    try self.init(
      model,
      images: calibration.images(
        folder, size: preprocessing.resize, channels: model.imageShape?.channels),
      preprocessing: preprocessing, schemes: schemes, context: context)
  }
}
