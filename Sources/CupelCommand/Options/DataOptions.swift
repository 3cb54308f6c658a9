import ArgumentParser
import Cupel

/// Where images come from and what turns their pixels into the network's input.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder with images: IDX (.gz) as in Fashion-MNIST, CIFAR-10 binary, x_test.npy and "
        + "y_test.npy, image files (PNG, JPEG, BMP, PPM, PGM, PBM) as test/CLASS/FILE, or raw bytes "
        + "with a dataset.json; or an .npz file. 'train' goes as 'test'. Images to calibrate on need "
        + "no class.",
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

  /// The first test images, of a size that is resized to, with the model's channels.
  func testImages(
    of dataset: String?, _ limit: Int?, _ size: @autoclosure () throws -> ImageSize?,
    channels: Int?
  ) throws -> ImageSet {
    let folder = try folder(dataset: dataset)
    let images = try ImageSet.load(
      path: folder, split: .test, limit: limit, size: size(), channels: channels)
    FileNoteOutput.tell(images.notes, of: folder)
    return images
  }

  /// The training set with its classes.
  func labelledImages(
    of dataset: String?, _ size: ImageSize?, channels: Int?
  ) throws -> ImageSet {
    let folder = try folder(dataset: dataset)
    let images = try ImageSet.load(path: folder, split: .train, size: size, channels: channels)
    FileNoteOutput.tell(images.notes, of: folder)
    return images
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

extension DataOptions {
  /// What to give where nothing tells a preprocessing.
  static func advice(_ error: UnknownPreprocessing) -> String {
    error.isFloat
      ? "\(error.missing): give --mean, --std and, where pixels are not divided by 255, --scale, or "
        + "a --catalogue that lists the file"
      : "\(error.missing): give --mean and --std"
  }
}
