import ArgumentParser
import Audit
import Datasets
import FixedPoint
import Foundation
import HostRuntime
import IntegerOperators
import ModelWriter
import Support

/// An integer model as it was found: a `.cupel` file, or a vendor's made into one.
struct IntegerModel {
  let path: String
  let engine: IntegerEngine
  /// The vendor's file that it was made from; nil for a `.cupel` file.
  let vendor: Origin?

  struct Origin {
    var bytes: Int
    var sha256: String
  }

  /// - Throws: `FileError`, or a failure that names the file and the rule it breaks.
  init(path: String, profile: DeploymentProfile?, kernels: KernelChoice) throws {
    // Given away: the file's bytes are not to lie about twice while weights are packed.
    try self.init(
      path: path, bytes: InputFile.read(path, limit: Int(Int32.max)), profile: profile,
      kernels: kernels)
  }

  /// - Parameter bytes: of a `.cupel` file.
  init(
    path: String, bytes: consuming [UInt8], vendor: Origin? = nil, profile: DeploymentProfile?,
    kernels: KernelChoice
  ) throws {
    self.path = path
    self.vendor = vendor
    do {
      engine = try kernels.engine(bytes, profile: profile)
    } catch EngineError.instructionSet(let name) {
      throw EngineError.instructionSet(name)
    } catch {
      throw Failure("\(path): \(error)")
    }
  }

  var name: String { lastComponent(of: path) }
  var program: IntegerProgram { engine.withModel { CupelReader.program(from: $0) } }
  var dataset: String? { engine.metadata(ModelMetadata.dataset) }
  /// How its weights were rounded, as the file says.
  var rounding: StatedRounding {
    engine.metadata(ModelMetadata.rounding).map(StatedRounding.init) ?? .unknown
  }

  /// The profile whose rounding the weighted operators carry, read off the operators themselves; of
  /// several with the same rounding the one that the metadata name.
  var profile: StatedProfile {
    let program = program
    let profiles = DeploymentProfile.allCases.filter { profile in
      program.operations.allSatisfy { operation in
        guard let own = operation.kind.payload as? any WeightedOperator else { return true }
        let mode = profile.mode(isFullyConnected: type(of: own).isFullyConnected)
        return operation.kind.weights?.rounding == mode
      }
    }
    let stated = program.metadata[ModelMetadata.profile]
    return (profiles.first { $0.name == stated } ?? profiles.first).map(StatedProfile.runtime)
      ?? .custom
  }

  /// From the flags, else from the file's metadata; never guessed.
  func preprocessing(_ options: DataOptions) throws -> Preprocessing {
    guard
      let preprocessing = try options.preprocessing()
        ?? ModelMetadata.preprocessing(
          engine.metadata(ModelMetadata.preprocessingKey), of: path)
    else {
      throw ValidationError("\(path) says nothing of its preprocessing: give --mean and --std")
    }
    try preprocessing.check(channels: engine.inputShape[0])
    return preprocessing
  }
}

/// The metadata that Cupel writes into a `.cupel` file.
enum ModelMetadata {
  static let originName = "origin.name"
  static let originDigest = "origin.sha256"
  static let scheme = "scheme"
  static let rounding = "rounding"
  static let profile = "profile"
  static let calibration = "calibration.images"
  static let seed = "calibration.seed"
  static let dataset = "dataset"
  static let preprocessingKey = "preprocessing"
  static let tool = "tool"

  /// Canonical JSON: sorted keys, shortest numbers.
  static func text(_ preprocessing: Preprocessing) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(preprocessing), as: UTF8.self)
  }

  /// nil where there is none.
  static func preprocessing(_ text: String?, of path: String) throws -> Preprocessing? {
    guard let text else { return nil }
    do {
      return try JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8))
    } catch {
      throw Failure("\(path): its metadata '\(preprocessingKey)' is not a preprocessing")
    }
  }
}
