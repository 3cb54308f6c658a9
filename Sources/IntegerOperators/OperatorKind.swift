import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// All operators: the one list of them.
public enum OperatorKind<Storage: ConstantStorage> {
  /// A convolution, of groups or not.
  case convolution(Convolution<Storage>)
  /// A convolution of each channel by itself.
  case depthwiseConvolution(DepthwiseConvolution<Storage>)
  /// A fully connected layer.
  case fullyConnected(FullyConnected<Storage>)
  /// The sum of two tensors.
  case add(Add)
  /// The mean of each window.
  case averagePool(AveragePool)
  /// The largest of each window.
  case maxPool(MaxPool)
  /// The mean over some axes.
  case mean(Mean)
  /// A limit on both sides.
  case clamp(Clamp)
  /// Elements around a tensor.
  case pad(Pad)
  /// The same values on another grid.
  case requantize(Requantize)
  /// Tensors one after another.
  case concatenate(Concatenate)
  /// Some elements of a tensor.
  case slice(Slice)
  /// The difference of two tensors.
  case subtract(Subtract)
  /// The product of two tensors.
  case multiply(Multiply)
  /// A softmax over the channels.
  case softmax(Softmax)
  /// A function of each value, as a table.
  case lookup(Lookup<Storage>)
  /// Axes in another order.
  case transpose(Transpose)
  /// The same elements in another shape.
  case reshape(Reshape)
  /// A tensor repeated along axes.
  case broadcast(Broadcast)
  /// A tensor that is always the same.
  case constant(Constant<Storage>)
  /// A transposed convolution.
  case transposeConvolution(TransposeConvolution<Storage>)
  /// Products of two tensors that are matrices.
  case batchMatMul(BatchMatMul)
  /// Elements of an axis by constant indices.
  case gather(Gather<Storage>)
  /// Another height and width by linear interpolation.
  case resizeBilinear(ResizeBilinear)
  /// Each pixel's channels normalized by their mean and variance.
  case layerNormalization(LayerNormalization<Storage>)
  /// A function of each value of 16 bits.
  case function(WideFunction)

  /// Reads the fields of the operator with a code; nil for a code that none has.
  package init?<Coder: RecordCoder>(code: UInt8, _ coder: inout Coder)
  where Coder.Storage == Storage {
    switch code {
    case Convolution<Storage>.code: self = .convolution(.init(reading: &coder))
    case DepthwiseConvolution<Storage>.code: self = .depthwiseConvolution(.init(reading: &coder))
    case FullyConnected<Storage>.code: self = .fullyConnected(.init(reading: &coder))
    case Add.code: self = .add(.init(reading: &coder))
    case AveragePool.code: self = .averagePool(.init(reading: &coder))
    case MaxPool.code: self = .maxPool(.init(reading: &coder))
    case Mean.code: self = .mean(.init(reading: &coder))
    case Clamp.code: self = .clamp(.init(reading: &coder))
    case Pad.code: self = .pad(.init(reading: &coder))
    case Requantize.code: self = .requantize(.init(reading: &coder))
    case Concatenate.code: self = .concatenate(.init(reading: &coder))
    case Slice.code: self = .slice(.init(reading: &coder))
    case Subtract.code: self = .subtract(.init(reading: &coder))
    case Multiply.code: self = .multiply(.init(reading: &coder))
    case Softmax.code: self = .softmax(.init(reading: &coder))
    case Lookup<Storage>.code: self = .lookup(.init(reading: &coder))
    case Transpose.code: self = .transpose(.init(reading: &coder))
    case Reshape.code: self = .reshape(.init(reading: &coder))
    case Broadcast.code: self = .broadcast(.init(reading: &coder))
    case Constant<Storage>.code: self = .constant(.init(reading: &coder))
    case TransposeConvolution<Storage>.code: self = .transposeConvolution(.init(reading: &coder))
    case BatchMatMul.code: self = .batchMatMul(.init(reading: &coder))
    case Gather<Storage>.code: self = .gather(.init(reading: &coder))
    case ResizeBilinear.code: self = .resizeBilinear(.init(reading: &coder))
    case LayerNormalization<Storage>.code: self = .layerNormalization(.init(reading: &coder))
    case WideFunction.code: self = .function(.init(reading: &coder))
    default: return nil
    }
  }

  /// Hands the operator to a visitor.
  package func accept<Visitor: OperatorVisitor>(
    _ visitor: inout Visitor
  ) throws(Visitor.Failure) -> Visitor.Output where Visitor.Storage == Storage {
    switch self {
    case .convolution(let own): try visitor.visit(own)
    case .depthwiseConvolution(let own): try visitor.visit(own)
    case .fullyConnected(let own): try visitor.visit(own)
    case .add(let own): try visitor.visit(own)
    case .averagePool(let own): try visitor.visit(own)
    case .maxPool(let own): try visitor.visit(own)
    case .mean(let own): try visitor.visit(own)
    case .clamp(let own): try visitor.visit(own)
    case .pad(let own): try visitor.visit(own)
    case .requantize(let own): try visitor.visit(own)
    case .concatenate(let own): try visitor.visit(own)
    case .slice(let own): try visitor.visit(own)
    case .subtract(let own): try visitor.visit(own)
    case .multiply(let own): try visitor.visit(own)
    case .softmax(let own): try visitor.visit(own)
    case .lookup(let own): try visitor.visit(own)
    case .transpose(let own): try visitor.visit(own)
    case .reshape(let own): try visitor.visit(own)
    case .broadcast(let own): try visitor.visit(own)
    case .constant(let own): try visitor.visit(own)
    case .transposeConvolution(let own): try visitor.visit(own)
    case .batchMatMul(let own): try visitor.visit(own)
    case .gather(let own): try visitor.visit(own)
    case .resizeBilinear(let own): try visitor.visit(own)
    case .layerNormalization(let own): try visitor.visit(own)
    case .function(let own): try visitor.visit(own)
    }
  }

  /// The same operator with other weights; itself where it has none.
  package func changingWeights(_ change: (inout Weights<Storage>) -> Void) -> Self {
    switch self {
    case .convolution(var own):
      change(&own.weights)
      return .convolution(own)
    case .depthwiseConvolution(var own):
      change(&own.weights)
      return .depthwiseConvolution(own)
    case .fullyConnected(var own):
      change(&own.weights)
      return .fullyConnected(own)
    case .transposeConvolution(var own):
      change(&own.weights)
      return .transposeConvolution(own)
    default: return self
    }
  }
}

extension OperationRecord {
  /// Shows the record's operator, and where it stands, to a visitor; nil for a code that no operator
  /// has. No value of `OperatorKind` is made on the way, which firmware would have to hold and take
  /// apart.
  @inline(__always)
  func show<Visitor: SiteVisitor>(
    to visitor: inout Visitor, at site: Visitor.Site
  ) throws(Visitor.Failure) -> Visitor.Output? {
    switch kind {
    case Convolution<InFile>.code: try visitor.visit(Convolution<InFile>.self, at: site)
    case DepthwiseConvolution<InFile>.code:
      try visitor.visit(DepthwiseConvolution<InFile>.self, at: site)
    case FullyConnected<InFile>.code: try visitor.visit(FullyConnected<InFile>.self, at: site)
    case Add.code: try visitor.visit(Add.self, at: site)
    case AveragePool.code: try visitor.visit(AveragePool.self, at: site)
    case MaxPool.code: try visitor.visit(MaxPool.self, at: site)
    case Mean.code: try visitor.visit(Mean.self, at: site)
    case Clamp.code: try visitor.visit(Clamp.self, at: site)
    case Pad.code: try visitor.visit(Pad.self, at: site)
    case Requantize.code: try visitor.visit(Requantize.self, at: site)
    case Concatenate.code: try visitor.visit(Concatenate.self, at: site)
    case Slice.code: try visitor.visit(Slice.self, at: site)
    case Subtract.code: try visitor.visit(Subtract.self, at: site)
    case Multiply.code: try visitor.visit(Multiply.self, at: site)
    case Softmax.code: try visitor.visit(Softmax.self, at: site)
    case Lookup<InFile>.code: try visitor.visit(Lookup<InFile>.self, at: site)
    case Transpose.code: try visitor.visit(Transpose.self, at: site)
    case Reshape.code: try visitor.visit(Reshape.self, at: site)
    case Broadcast.code: try visitor.visit(Broadcast.self, at: site)
    case Constant<InFile>.code: try visitor.visit(Constant<InFile>.self, at: site)
    case TransposeConvolution<InFile>.code:
      try visitor.visit(TransposeConvolution<InFile>.self, at: site)
    case WideFunction.code where WideActivations.isThere:
      try visitor.visit(WideFunction.self, at: site)
    default: try NewerOperators.areThere ? showNewer(to: &visitor, at: site) : nil
    }
  }
}

/// Operators that format version 1.4 added. Compiled with `-D CUPEL_WITHOUT_NEWER_OPERATORS`, firmware
/// is without them, and refuses files that have them.
enum NewerOperators {
  @inline(__always)
  static var areThere: Bool {
    #if CUPEL_WITHOUT_NEWER_OPERATORS
      false
    #else
      true
    #endif
  }
}

extension OperationRecord {
  /// As `show`, of the operators that version 1.4 added.
  @inline(__always)
  private func showNewer<Visitor: SiteVisitor>(
    to visitor: inout Visitor, at site: Visitor.Site
  ) throws(Visitor.Failure) -> Visitor.Output? {
    switch kind {
    case BatchMatMul.code: try visitor.visit(BatchMatMul.self, at: site)
    case Gather<InFile>.code: try visitor.visit(Gather<InFile>.self, at: site)
    case ResizeBilinear.code: try visitor.visit(ResizeBilinear.self, at: site)
    case LayerNormalization<InFile>.code:
      try visitor.visit(LayerNormalization<InFile>.self, at: site)
    default: nil
    }
  }
}

/// What is done with an operator, whichever it is.
package protocol OperatorVisitor {
  associatedtype Storage: ConstantStorage
  associatedtype Output
  associatedtype Failure: Error
  mutating func visit<Own: PlainOperator>(_ own: Own) throws(Failure) -> Output
  mutating func visit<Own: ConstantOperator>(_ own: Own) throws(Failure) -> Output
  where Own.Storage == Storage
}

/// What is done with an operator of a file where it stands: in an operation under judgement, or in a
/// step of a run.
protocol SiteVisitor {
  associatedtype Site
  associatedtype Output
  associatedtype Failure: Error
  mutating func visit<Own: RunnableOperator>(
    _ type: Own.Type, at site: Site
  ) throws(Failure) -> Output
}

extension OperatorKind: Equatable {}
extension OperatorKind: Sendable where Storage: SendableStorage {}

extension OperatorKind {
  /// The name for people.
  public var name: StaticString { facts.name }

  /// The code in a record's first byte.
  package var code: UInt8 { facts.code }

  /// How many tensors an operation of the kind reads.
  package var operandCounts: ClosedRange<Int> { facts.operandCounts }

  private var facts: Facts<Storage>.Output {
    var visitor = Facts<Storage>()
    return accept(&visitor)
  }
}

/// What an operator's type says of it.
private struct Facts<Storage: ConstantStorage>: OperatorVisitor {
  typealias Output = (code: UInt8, name: StaticString, operandCounts: ClosedRange<Int>)

  func visit<Own: PlainOperator>(_ own: Own) -> Output { (Own.code, Own.name, Own.operandCounts) }
  func visit<Own: ConstantOperator>(_ own: Own) -> Output where Own.Storage == Storage {
    (Own.code, Own.name, Own.operandCounts)
  }
}
