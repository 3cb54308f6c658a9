import CupelDatasets
import CupelTriggers

/// What the HTML report shows beside the numbers of `DetectionReport`: pictures and distributions of
/// the deployment with the strongest evidence. `Exhibits.make` makes them.
public struct Exhibits: Sendable {
  /// Of the deployment that is shown.
  public var scheme: String
  /// The class that the trigger calls, from 0; nil without a trigger.
  public var targetClass: Int?
  /// Classes that the models answer.
  public var classCount: Int
  /// The strongest one; nil where none was found.
  public var trigger: LearnedTrigger?
  /// Held-out images as they are and with the trigger.
  public var samples: [Sample] = []
  /// Float answers against integer ones; nil where nothing was compared.
  public var confusion: Confusion?
  /// Neurons that rounding moves most, worst first.
  public var drifts: [NeuronDrift] = []
  /// Where the models look, an image each.
  public var attention: [Attention] = []
  /// Features before the classifier: float, nearest rounding, and after purification.
  public var embeddings: [Embedding] = []
  /// One a layer with weights, in execution order.
  public var cells: [CellHistogram] = []

  /// A held-out image without and with the trigger, and what both models answer.
  public struct Sample: Sendable {
    /// [channels][height][width], as the data set has them.
    public var clean: [UInt8]
    /// The same with the trigger.
    public var triggered: [UInt8]
    /// Of the image.
    public var shape: ImageShape
    /// The class that the float model answers, without the trigger.
    public var floatClean: Int
    /// With the trigger.
    public var floatTriggered: Int
    /// The integer model, without the trigger.
    public var integerClean: Int
    /// With the trigger.
    public var integerTriggered: Int
  }

  /// Images by the float model's answer (row) and the integer model's (column).
  public struct Confusion: Sendable, Equatable {
    /// [classes][classes] counts of images as they are.
    public var clean: [[Int]]
    /// Empty without a trigger.
    public var triggered: [[Int]]
  }

  /// How far a channel's mean activation moves between float and integer, an image each.
  public struct NeuronDrift: Sendable {
    /// Its name in the model's file.
    public var layer: String
    /// Of the layer, from 0.
    public var channel: Int
    /// Integer less float, in units of the float activation's standard deviation.
    public var clean: [Float]
    /// The same with the trigger; empty without one.
    public var triggered: [Float]
    /// The same on the triggered images, under stochastic roundings of the same weights.
    public var ensemble: [Float]

    /// - Parameters: as the members of these names.
    public init(
      layer: String, channel: Int, clean: [Float], triggered: [Float], ensemble: [Float]
    ) {
      self.layer = layer
      self.channel = channel
      self.clean = clean
      self.triggered = triggered
      self.ensemble = ensemble
    }
  }

  /// Grad-CAM of one triggered image: the weight of each place for the model's own answer, in [0, 1].
  public struct Attention: Sendable {
    /// [channels][height][width], with the trigger.
    public var pixels: [UInt8]
    /// Of the image.
    public var shape: ImageShape
    /// "float", "nearest w8a8", "purified w8a8"; [height][width] of the image each.
    public var maps: [(model: String, answer: Int, heat: [Float])]
  }

  /// t-SNE of features, a point an image.
  public struct Embedding: Sendable {
    /// Under which name it is shown.
    public var model: String
    /// Coordinates have no unit; labels are true classes.
    public var points: [(x: Float, y: Float, label: Int, isTriggered: Bool)]
  }

  /// Where a layer's weights lie within their rounding cells: counts over [−0.5, 0.5] in equal bins.
  public struct CellHistogram: Sendable, Equatable {
    /// Its name in the model's file.
    public var layer: String
    /// Weights in each bin.
    public var counts: [Int]

    /// - Parameters: as the members of these names.
    public init(layer: String, counts: [Int]) {
      self.layer = layer
      self.counts = counts
    }
  }
}
