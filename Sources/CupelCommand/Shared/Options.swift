import ArgumentParser
import Audit
import Datasets
import FixedPoint
import Foundation
import HostRuntime
import Quantization
import Support

/// Options that several verbs share.
struct ComputeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Threads to use. Results do not depend on it.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  func validate() throws { try check("--threads", threads, in: 1...1024) }

  var reporter: ProgressReporter { ProgressReporter(isQuiet: quiet) }
}

/// Which kernels run integer models.
struct KernelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Kernels to run: \(InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")). "
        + "Results do not depend on it. "
        + "(default: \(InstructionSet.environmentVariable), else the fastest)",
      valueName: "isa"), transform: { try InstructionSet(named: $0) })
  var isa: InstructionSet?

  @Option(
    help: ArgumentHelp(
      "Scratch memory of the kernels: fast, or small, which takes a row at a time.",
      valueName: "use"),
    transform: {
      try IntegerEngine.MemoryUse(rawValue: $0).orInvalid("it is neither fast nor small")
    })
  var memory = IntegerEngine.MemoryUse.fast

  var choice: KernelChoice { KernelChoice(isa: isa, memory: memory) }
}

/// Kernels of an engine: nil for the fastest.
struct KernelChoice {
  var isa: InstructionSet?
  var memory = IntegerEngine.MemoryUse.fast

  func engine(
    _ bytes: consuming [UInt8], profile: DeploymentProfile? = nil
  ) throws -> IntegerEngine {
    try IntegerEngine(bytes: bytes, profile: profile, instructionSet: isa, memory: memory)
  }
}

/// Where images come from and what turns their pixels into the network's input.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder with images: IDX (.gz) as in Fashion-MNIST, CIFAR-10 binary, x_test.npy and "
        + "y_test.npy, PNG and JPEG files as test/CLASS/FILE, or raw bytes with a dataset.json; or "
        + "an .npz file. 'train' goes as 'test'.",
      valueName: "folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Mean of each channel, after --scale, separated by commas.", valueName: "m[,m…]"))
  var mean: String?

  @Option(
    help: ArgumentHelp(
      "Standard deviation of each channel, separated by commas.", valueName: "s[,s…]"))
  var std: String?

  @Option(
    help: ArgumentHelp(
      "Factor from pixel values 0…255 to what --mean is in. (default with --mean: 1/255)",
      valueName: "x"))
  var scale: Double?

  @Option(
    help: ArgumentHelp(
      "Resize images when they are read, bilinearly as Pillow and torchvision do.",
      valueName: "HxW"))
  var resize: String?

  @Option(help: ArgumentHelp("Order of the network's input axes: NCHW.", valueName: "order"))
  var layout: String?

  /// Debian's `dataset-fashion-mnist`.
  static let fashionMNIST = "/usr/share/datasets/fashion-mnist"

  /// The folder given, or the one of the data set that the catalogue or the file names.
  func folder(dataset: String?) throws -> String {
    if let data { return data }
    guard dataset == "fashion-mnist" else {
      throw ValidationError("--data is needed: the folder with the images")
    }
    return Self.fashionMNIST
  }

  /// The first test images, of a size that is resized to.
  func testImages(
    of dataset: String?, _ limit: Int?, _ size: @autoclosure () throws -> ImageSize?
  ) throws -> ImageSet {
    try ImageSet.load(path: folder(dataset: dataset), split: .test, limit: limit, size: size())
  }

  /// What the flags say; nil where none is given.
  func preprocessing() throws -> Preprocessing? {
    if let layout, layout.uppercased() != "NCHW" {
      throw ValidationError("--layout \(layout): only NCHW is known")
    }
    if mean == nil, std == nil, scale == nil, resize == nil { return nil }
    guard let mean, let std else {
      throw ValidationError("give --mean and --std together: neither is guessed")
    }
    let scale = scale ?? 1.0 / 255
    guard scale.isFinite, scale > 0 else {
      throw ValidationError("--scale must be a positive number")
    }
    return Preprocessing(
      scale: scale, mean: try numbers(mean, "--mean"), std: try numbers(std, "--std"),
      resize: try resize.map(size))
  }

  private func size(_ text: String) throws -> ImageSize {
    let parts = text.lowercased().split(separator: "x", omittingEmptySubsequences: false)
    guard parts.count == 2, let height = Int(parts[0]), let width = Int(parts[1]) else {
      throw ValidationError("--resize \(text): give height and width, as in 32x32")
    }
    do {
      return try ImageSize(height: height, width: width)
    } catch {
      throw ValidationError("--resize \(text): \(error.rule)")
    }
  }

  private func numbers(_ text: String, _ name: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      try Double(part).flatMap { $0.isFinite ? $0 : nil }
        .orInvalid("\(name): '\(part)' is not a number")
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
}

extension DeploymentProfile {
  /// All names, for help.
  static var list: String { allCases.map(\.name).joined(separator: ", ") }

  /// An option's value.
  static func parse(_ name: String) throws -> DeploymentProfile {
    try Self(named: name).orInvalid("it is none of \(list)")
  }
}

extension Optional {
  /// What an option's text stands for.
  ///
  /// - Throws: a `ValidationError` with the rule that the text breaks.
  func orInvalid(_ rule: @autoclosure () -> String) throws -> Wrapped {
    guard let self else { throw ValidationError(rule()) }
    return self
  }
}

/// What stands between the commas of an option's text, each element once.
func elements<Element: Equatable>(
  _ text: String, _ read: (String) throws -> Element
) throws -> [Element] {
  var found: [Element] = []
  for part in text.split(separator: ",", omittingEmptySubsequences: false) {
    let element = try read(String(part))
    if !found.contains(element) { found.append(element) }
  }
  return found
}

/// - Throws: a `ValidationError` unless an option's value lies in a range; nil always does.
func check(_ name: String, _ value: Int?, in range: ClosedRange<Int>) throws {
  guard range.contains(value ?? range.lowerBound) else {
    throw ValidationError("\(name) must lie in \(range.lowerBound)…\(range.upperBound)")
  }
}
