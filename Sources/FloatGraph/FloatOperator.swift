/// One operation of a float network, complete: its name, its shapes, how it is computed and how it
/// is differentiated. Each lives in a file of its own under `Operators`, and nothing else in this
/// target knows which there are.
///
/// Shapes leave the batch axis out.
public protocol FloatOperator: Sendable, Equatable {
  /// In lower-case words, for reports.
  static var name: String { get }

  /// The shape that it gives.
  ///
  /// - Parameters:
  ///   - inputs: shapes without the batch axis.
  ///   - declared: what the graph says it gives; nil where that is not known.
  /// - Returns: nil where only a declared shape could tell and there is none.
  func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]?

  /// Whether a forward pass may write its output over its first input.
  var worksInPlace: Bool { get }
  /// The forward pass for shapes that `outputShape` has passed.
  func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel

  /// The backward pass for such shapes; nil where every input's gradient is the output's.
  func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel?
  /// The derivatives for which a backward pass reads the values of the inputs. One through the
  /// statistics of a batch reads them in any case.
  var readsInputsFor: GradientWants { get }
  /// The derivatives for which it reads the output's values.
  var readsOutputFor: GradientWants { get }

  /// What training changes, as arrays. Setting takes arrays of the same number and sizes; others
  /// leave the operator as it is.
  var parameters: [[Float]] { get set }
  /// All parameters, those that training leaves alone included.
  var parameterCount: Int { get }
  /// Those of them that are multiplied with what it reads, and that quantization rounds.
  var weightCount: Int { get }
  /// Multiply-accumulates of one image.
  func macs(inputs: [[Int]], output: [Int]) -> Int

  /// Whether it moves, limits or averages values without making new ones, so that what it gives
  /// stays on the grid of what it reads.
  var keepsGrid: Bool { get }
  /// Whether each axis of its first input stays what it was, whatever its extent becomes: an image
  /// stays one.
  var keepsAxes: Bool { get }
  /// Whether it bends each value by itself, as what stands between layers does.
  var isActivation: Bool { get }
  /// Whether a channel of zeros stays one and no other channel depends on it.
  var keepsZeroChannels: Bool { get }
  /// Whether its output has the order of its input and says no more about the class, so that a
  /// network may end before it.
  var keepsRanking: Bool { get }
}

/// Computes some images, one after the other in each array. The output may be the first input where
/// the operation works in place.
public typealias ForwardKernel =
  @Sendable (
    _ inputs: [UnsafePointer<Float>], _ images: Int, _ output: UnsafeMutablePointer<Float>
  ) -> Void

extension FloatOperator {
  public var worksInPlace: Bool { false }

  public var readsInputsFor: GradientWants { [] }
  public var readsOutputFor: GradientWants { [] }

  public var parameters: [[Float]] {
    get { [] }
    set {}
  }
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }
  public var weightCount: Int { 0 }
  public func macs(inputs: [[Int]], output: [Int]) -> Int { 0 }

  public var keepsGrid: Bool { false }
  public var keepsAxes: Bool { false }
  public var isActivation: Bool { false }
  public var keepsZeroChannels: Bool { false }
  public var keepsRanking: Bool { false }
}

/// An operation that in training computes with its batch's statistics in place of its own.
public protocol BatchStatisticsOperator: FloatOperator {
  /// The same operation with a batch's statistics in place of the running ones.
  func using(_ statistics: BatchStatistics) -> Self

  /// The same operation with its running statistics moved towards a batch's.
  func tracking(_ statistics: BatchStatistics, momentum: Float) -> Self
}

extension FloatOperator {
  /// The shape of the one input that most operations take.
  func only(_ inputs: [[Int]]) throws(RuleViolation) -> [Int] {
    guard inputs.count == 1 else { throw RuleViolation("takes 1 input, has \(inputs.count)") }
    return inputs[0]
  }
}
