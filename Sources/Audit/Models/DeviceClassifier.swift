import CupelDatasets
import CupelDeviceSimulation
import CupelHostRuntime
import CupelSupport

/// An integer model on a simulated board, every output of which is compared with the engine's here.
public final class DeviceClassifier: Classifier {
  /// The simulated board.
  public let device: Device
  private let engine: IntegerEngine
  private let quantizer: InputQuantizer
  private let threads: Int
  private let counted = Guarded(Agreement())

  /// How many images ran, and how many of them had an output that differs from the engine's.
  public struct Agreement: Sendable, Equatable {
    /// That ran.
    public var images = 0
    /// Images with an output that differs.
    public var mismatches = 0

    /// None so far.
    public init() {}

    /// - Parameters:
    ///   - outputs: a board's, of whole images.
    ///   - expected: the engine's.
    ///   - size: bytes of one output.
    public init(outputs: [Int8], expected: [Int8], size: Int) {
      images = expected.count / size
      mismatches = (0..<images).count { image in
        let own = image * size..<(image + 1) * size
        return own.upperBound > outputs.count || outputs[own] != expected[own]
      }
    }
  }

  /// - Throws: `PreprocessingError`.
  public init(
    device: Device, engine: IntegerEngine, preprocessing: Preprocessing, threads: Int
  ) throws(PreprocessingError) {
    self.device = device
    self.engine = engine
    self.threads = threads
    quantizer = try engine.quantizer(preprocessing)
  }

  /// Values of the output that answers.
  public var classCount: Int { engine.answer.count }
  /// Of the model's input.
  public var imageShape: ImageShape { engine.inputShape }

  /// Over all images so far.
  public var agreement: Agreement { counted.withLock { $0 } }

  /// - Parameter pixels: whole images, [N][C][H][W].
  /// - Returns: the board's answers.
  public func classify(_ pixels: [UInt8]) throws -> [Int] {
    let inputs = try quantizer.quantize(pixels)
    let outputs = try device.outputs(inputs)
    let expected = try engine.outputs(inputs, threads: threads)
    let agreement = Agreement(outputs: outputs, expected: expected, size: engine.outputCount)
    counted.withLock {
      $0.images += agreement.images
      $0.mismatches += agreement.mismatches
    }
    return engine.classes(of: outputs)
  }
}
