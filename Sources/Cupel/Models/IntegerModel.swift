import CupelAudit
import CupelDatasets
import CupelFixedPoint
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import CupelQuantization
import CupelSupport

/// An integer model as it was found: a `.cupel` file, or a vendor's made into one.
public struct IntegerModel: Sendable {
  /// Where it was read.
  public let path: String
  /// What runs it.
  public let engine: IntegerEngine
  /// The file that the engine's model was made from: a vendor's, or a `.cupel` file whose input was
  /// given another form; nil where the engine holds that file itself.
  public let vendor: Origin?

  /// A file of integers.
  public struct Origin: Sendable {
    /// Size of the file.
    public var bytes: Int
    /// Of the file, lower-case hexadecimal.
    public var sha256: String
  }

  /// Reads a `.cupel` file.
  ///
  /// - Parameters:
  ///   - path: of any name.
  ///   - profile: rounds as that runtime does; nil leaves the rounding that the file carries.
  ///   - site: whose kernels are to run.
  /// - Throws: `FileError`, `EngineError.instructionSet`, or a `CupelError` that names the file and
  ///   the rule it breaks.
  public init(
    path: String, profile: DeploymentProfile? = nil, site: ExecutionSite = ExecutionSite()
  ) throws {
    // Given away: the file's bytes are not to lie about twice while weights are packed.
    try self.init(
      path: path, bytes: InputFile.read(path, limit: Int(Int32.max)), profile: profile,
      site: site)
  }

  /// - Parameter bytes: of a `.cupel` file.
  package init(
    path: String, bytes: consuming [UInt8], vendor: Origin? = nil, profile: DeploymentProfile?,
    site: ExecutionSite
  ) throws {
    self.path = path
    self.vendor = vendor
    do {
      engine = try site.engine(bytes, profile: profile)
    } catch EngineError.instructionSet(let name) {
      throw EngineError.instructionSet(name)
    } catch {
      throw CupelError("\(path): \(error)")
    }
  }

  /// The file's name, without its folder.
  public var name: String { lastComponent(of: path) }

  /// Of the file as it was read, lower-case hexadecimal.
  public var sha256: String { vendor?.sha256 ?? engine.withFile { SHA256.hex($0) } }

  package var program: IntegerProgram { engine.withModel { CupelReader.program(from: $0) } }

  /// Classes that it answers.
  public var classCount: Int {
    engine.outputs.reduce(0) { $0 + $1.count }
  }

  /// The data set that the file names; nil where it names none.
  public var dataset: String? { engine.metadata(ModelMetadata.dataset) }
  /// How its weights were rounded, as the file says.
  public var rounding: StatedRounding {
    engine.metadata(ModelMetadata.rounding).map(StatedRounding.init) ?? .unknown
  }

  /// The profile whose rounding the weighted operators carry, read off the operators themselves; of
  /// several with the same rounding the one that the metadata name.
  public var profile: StatedProfile {
    let program = program
    let stated = program.metadata[ModelMetadata.profile]
    let profiles = DeploymentProfile.allCases.filter { profile in
      program.operations.allSatisfy { operation in
        guard let own = operation.kind.payload as? any CupelIntegerOperators.WeightedOperator
        else { return true }
        let rounding = operation.kind.weights?.rounding
        let isFullyConnected = type(of: own).isFullyConnected
        let isWide = program.tensors[operation.output].bits == 16
        let mode =
          isWide
          ? rounding.map { profile.wideMode($0, isFullyConnected: isFullyConnected) }
          : profile.mode(isFullyConnected: isFullyConnected)
        // Some layers LiteRT keeps from XNNPACK for its own kernel.
        let isKept = profile == .xnnpack && stated == profile.name && rounding == .doubleRounding
        return rounding == mode || isKept
      }
    }
    return (profiles.first { $0.name == stated } ?? profiles.first).map(StatedProfile.runtime)
      ?? .custom
  }

  /// What pixels become, as told or else as the file's metadata say; never guessed.
  ///
  /// - Throws: `UnknownPreprocessing` where nothing tells, `CupelError` where the metadata are
  ///   none, `PreprocessingError` where it does not fit the model.
  public func preprocessing(_ told: Preprocessing? = nil) throws -> Preprocessing {
    let preprocessing = try statedPreprocessing(told)
    try preprocessing.check(channels: engine.inputShape.channels)
    return preprocessing
  }

  /// The same before the images are known: whether it fits the model is not checked.
  ///
  /// - Throws: `UnknownPreprocessing` where nothing tells, `CupelError` where the metadata are none.
  package func statedPreprocessing(_ told: Preprocessing? = nil) throws -> Preprocessing {
    guard
      let preprocessing = try told
        ?? ModelMetadata.preprocessing(
          engine.metadata(ModelMetadata.preprocessingKey), of: path)
    else {
      throw UnknownPreprocessing(path: path, isFloat: false, catalogue: nil)
    }
    return preprocessing
  }

  /// The scheme that the file states; nil where it states none that is known.
  package var statedScheme: Scheme? {
    engine.metadata(ModelMetadata.scheme).flatMap { try? Scheme($0) }
  }

  /// Whether it says that it was made from a float model.
  package func isMade(from float: FloatModel) -> Bool {
    engine.metadata(ModelMetadata.originDigest) == float.sha256
  }
}
