import ArgumentParser
import Cupel
import CupelSupport
import Foundation

/// `cupel dump`: what a model computes from raw tensors, tensor by tensor.
struct Dump: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on raw input tensors and writes its tensors as .npy files.",
    discussion: """
      The input is a file of whole tensors and nothing else: int8, or little-endian int16 of 16 \
      bits, in height, width, channel order on the input's grid for an integer model (of several \
      inputs, all inputs of an image one \
      after another, in index.json's order), little-endian float32 in channel, height, width \
      order for a float one. The folder gets a file for each tensor, the batch as its first axis, \
      and index.json, which says which tensor each file holds and on which grid.

      Example:
        cupel dump vendor-int8.tflite --profile litert-reference \\
          --input images.bin -o tensors
      """)

  @Argument(help: "A .cupel, .tflite or ONNX file.") var model: String

  @Option(help: ArgumentHelp("The input tensors, one after another.", valueName: "file"))
  var input: String

  @Option(
    name: [.short, .long], help: ArgumentHelp("The folder to write to.", valueName: "folder"))
  var output: String

  @Flag(help: "Write the output alone, from the fastest kernels.") var outputOnly = false

  @Option(
    help: ArgumentHelp(
      "Round as this runtime, whatever the file says: \(DeploymentProfile.list).",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions

  func run() throws {
    let loaded = try LoadedModel(path: model, profile: profile, site: kernels.site())
    if case .float = loaded, profile != nil {
      throw ValidationError("--profile is for integer models")
    }
    let bytes = try InputFile.read(input, limit: Int(Int32.max))
    let size = loaded.inputBytes
    guard size > 0, bytes.count % size == 0, !bytes.isEmpty else {
      throw Failure(
        "\(input): \(bytes.count) bytes are not a whole number of tensors of \(size) bytes")
    }
    try createFolder(output) { "\(output): \($0.localizedDescription)" }
    let export = TensorExport(folder: output, threads: compute.threads)
    let entries =
      switch loaded {
      case .integer(let integer):
        outputOnly
          ? try export.output(of: integer, bytes)
          : try export.tensors(
            of: integer, bytes, profile: isCupelFile(model) ? profile : nil)
      case .float(let float): try export.output(of: float, bytes)
      }
    try JSONText.write(entries, to: "\(output)/index.json")
    print("\(output): \(entries.count) tensors")
  }
}
