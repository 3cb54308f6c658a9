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
      "Names of the model's classes, one a line in the order of its outputs, which says which class "
        + "folder is which class. (default: classes.txt in the folder, else folders sorted by name)",
      valueName: "file"))
  var classes: String?

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

  /// Whether any of these options is given.
  var isGiven: Bool {
    [data, classes, mean, std, resize, layout].contains { $0 != nil } || scale != nil
  }

  /// What is read, which no output may replace.
  var inputs: [String] { classes.map { [$0] } ?? [] }

  /// The first images of a split with their classes; what a person should know of these is told.
  ///
  /// - Parameters:
  ///   - classCount: classes that the model answers; nil where classes do not matter.
  ///   - channels: of the model's input.
  /// - Throws: `DatasetError` also where an image has a class that the model does not answer.
  func images(
    _ split: Split, of dataset: String?, classCount: Int?, channels: Int?, limit: Int? = nil,
    size: @autoclosure () throws -> ImageSize?
  ) throws -> ImageSet {
    let path = try folder(dataset: dataset)
    let images = try ImageSet.load(
      path: path, split: split, limit: limit, size: size(), classes: classNames(beside: path),
      channels: channels)
    FileNoteOutput.tell(images.notes, of: path)
    guard let classCount else { return images }
    try images.checkClasses(of: classCount, path: path)
    for note in images.classNotes(of: classCount) { warn("\(path): \(note)") }
    return images
  }

  /// The first images of a split for a float model.
  func images(
    _ split: Split, for model: FloatModel, limit: Int? = nil, size: ImageSize?
  ) throws -> ImageSet {
    try images(
      split, of: model.specimen?.dataset, classCount: model.classCount,
      channels: model.imageShape?.channels, limit: limit, size: size)
  }

  /// The list that `--classes` names; told where the data set has another.
  private func classNames(beside folder: String) throws -> ClassNames? {
    guard let classes else { return nil }
    let names = try ClassNames(path: classes)
    let own = "\(folder)/\(ClassNames.fileName)"
    if let other = try? ClassNames(path: own), other != names {
      warn("\(own) numbers classes otherwise than --classes \(classes), which is used instead")
    }
    return names
  }

  /// What becomes of a model's pixels; where options say otherwise than a catalogue, that is told.
  func preprocessing(of model: FloatModel) throws -> Preprocessing {
    let given = try preprocessing()
    warn(of: model.overridden(by: given), in: model.path)
    return try model.statedPreprocessing(given)
  }

  /// What becomes of a model's pixels; where options say otherwise than its file, that is told.
  func preprocessing(
    of model: IntegerModel, profile: DeploymentProfile? = nil
  ) throws -> Preprocessing {
    let given = try preprocessing()
    warn(of: model.overridden(by: given, profile: profile), in: model.path)
    return try model.statedPreprocessing(given)
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
