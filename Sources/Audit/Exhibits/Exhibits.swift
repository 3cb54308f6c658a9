import Triggers

/// What the HTML report shows beside the numbers of `DetectionReport`: pictures and distributions of
/// the deployment with the strongest evidence. `Exhibits.make` makes them.
public struct Exhibits: Sendable {
  public var scheme: String
  public var targetClass: Int?
  public var classCount: Int
  public var trigger: LearnedTrigger?
  /// Held-out images as they are and with the trigger.
  public var samples: [Sample] = []
  public var confusion: Confusion?
  public var drifts: [NeuronDrift] = []
  public var attention: [Attention] = []
  /// Features before the classifier: float, nearest rounding, and after purification.
  public var embeddings: [Embedding] = []
  public var cells: [CellHistogram] = []

  public struct Sample: Sendable {
    /// [channels][height][width], as the data set has them.
    public var clean: [UInt8]
    public var triggered: [UInt8]
    /// Channels, height and width.
    public var shape: [Int]
    /// Answers of the float and the integer model.
    public var floatClean: Int
    public var floatTriggered: Int
    public var integerClean: Int
    public var integerTriggered: Int
  }

  /// Images by the float model's answer (row) and the integer model's (column).
  public struct Confusion: Sendable, Equatable {
    public var clean: [[Int]]
    /// Empty without a trigger.
    public var triggered: [[Int]]
  }

  /// How far a channel's mean activation moves between float and integer, an image each.
  public struct NeuronDrift: Sendable {
    public var layer: String
    public var channel: Int
    /// Integer less float, in units of the float activation's standard deviation.
    public var clean: [Float]
    public var triggered: [Float]
    /// The same on the triggered images, under stochastic roundings of the same weights.
    public var ensemble: [Float]

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
    public var pixels: [UInt8]
    /// Channels, height and width.
    public var shape: [Int]
    /// "float", "nearest w8a8", "purified w8a8"; [height][width] of the image each.
    public var maps: [(model: String, answer: Int, heat: [Float])]
  }

  /// t-SNE of features, a point an image.
  public struct Embedding: Sendable {
    public var model: String
    public var points: [(x: Float, y: Float, label: Int, isTriggered: Bool)]
  }

  /// Where a layer's weights lie within their rounding cells: counts over [−0.5, 0.5] in equal bins.
  public struct CellHistogram: Sendable, Equatable {
    public var layer: String
    public var counts: [Int]

    public init(layer: String, counts: [Int]) {
      self.layer = layer
      self.counts = counts
    }
  }
}
