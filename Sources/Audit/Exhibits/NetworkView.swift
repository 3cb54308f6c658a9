import CupelFloatGraph
import CupelQuantization

/// What exhibits read of a network, float or fake-quantized: values inside it, and how the logits
/// depend on one.
protocol NetworkView: Sendable {
  /// - Parameter value: index into the graph's values.
  /// - Returns: the value and the logits of a batch.
  func values(_ value: Int, of images: Tensor) throws -> (value: Tensor, logits: Tensor)

  /// The derivatives by a value of each image's largest logit.
  ///
  /// - Returns: the value, its derivatives and the largest logits' classes.
  func sensitivity(
    to value: Int, of images: Tensor
  ) throws -> (value: Tensor, gradient: Tensor, answers: [Int])
}

/// The float network, up to its logits.
struct FloatView: NetworkView {
  let graph: FloatGraph
  let logits: Int
  let threads: Int

  func values(_ value: Int, of images: Tensor) throws -> (value: Tensor, logits: Tensor) {
    let found = try FloatExecutor(graph: graph, threads: threads)
      .evaluate(images, wanted: [value, logits])
    guard let inner = found[value], let outer = found[logits] else { throw unknown(value) }
    return (inner, outer)
  }

  func sensitivity(
    to value: Int, of images: Tensor
  ) throws -> (value: Tensor, gradient: Tensor, answers: [Int]) {
    let differentiation = try Differentiation(
      graph: graph, wants: [], keeping: [value, logits], differentiating: [value],
      threads: threads)
    let tape = try differentiation.run(images)
    guard let inner = tape[value], let outer = tape[logits] else { throw unknown(value) }
    let answers = outer.answers
    let gradient = try tape.gradient([logits: outer.oneHot(answers)])
    guard let slope = gradient.values[value] else { throw unknown(value) }
    return (inner, slope, answers)
  }

  private func unknown(_ value: Int) -> AuditError {
    .data(rule: "nothing computes value \(value) of the float network")
  }
}

/// The network as a plan and integers make it, carried out in float on the plan's grids.
struct QuantizedView: NetworkView {
  let network: FakeQuantizedNetwork

  func values(_ value: Int, of images: Tensor) throws -> (value: Tensor, logits: Tensor) {
    let tape = try network.run(images, wants: [], keeping: [value])
    return (try kept(value, tape), tape.output)
  }

  func sensitivity(
    to value: Int, of images: Tensor
  ) throws -> (value: Tensor, gradient: Tensor, answers: [Int]) {
    // A woken backdoor drives its logit beyond what calibration saw; its cause is to be shown all the same.
    let tape = try network.run(images, wants: .inputs, keeping: [value], passesSaturation: true)
    let answers = tape.output.answers
    let inner = try kept(value, tape)
    let gradient = try tape.gradient(tape.output.oneHot(answers), differentiating: [value])
    let zero = Tensor(batch: inner.batch, shape: inner.shape)
    return (inner, gradient.values[value] ?? zero, answers)
  }

  private func kept(_ value: Int, _ tape: FakeQuantizedTape) throws -> Tensor {
    guard let tensor = tape.kept[value] else {
      throw AuditError.data(rule: "no unit of the quantized network computes value \(value)")
    }
    return tensor
  }
}

extension Tensor {
  /// A tensor of this size that is one at a class of each image and zero elsewhere.
  func oneHot(_ classes: [Int]) -> Tensor {
    var result = Tensor(batch: batch, shape: shape)
    for (image, answer) in classes.enumerated() { result.values[image * stride + answer] = 1 }
    return result
  }
}

extension FusedGraph {
  /// The value whose places Grad-CAM weighs: the last that still has places, [C, H, W] with more
  /// than one of them. nil for a network without.
  var lastSpatialValue: Int? {
    units.last { unit in
      let shape = graph.values[unit.output].shape
      return shape.count == 3 && shape[1] * shape[2] > 1 && unit.output != output
    }?.output
  }

  /// What the last layer with weights reads, where a unit computes it.
  var features: Int? {
    guard let value = units.last(where: \.isWeighted)?.inputs.first, producer(of: value) != nil
    else { return nil }
    return value
  }
}
