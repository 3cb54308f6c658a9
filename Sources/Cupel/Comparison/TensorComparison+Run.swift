import CupelDatasets
import CupelHostRuntime
import CupelIntegerBuilder
import CupelSupport

extension TensorComparison {
  /// Compares what two models compute of the same images.
  ///
  /// - Parameters:
  ///   - images: asked for once the models are known to have tensors in common.
  ///   - preprocessing: what becomes of pixels, whatever the models say of themselves; nil for what
  ///     they say.
  /// - Throws: `CupelError` where the models have nothing in common; what loading and running
  ///   throw; `CancellationError`.
  package init(
    _ first: IntegerModel, with second: IntegerModel, on images: () throws -> ImageSet,
    preprocessing: Preprocessing?, context: RunContext
  ) throws {
    guard first.engine.inputShape == second.engine.inputShape else {
      throw CupelError(
        "the models take images of \(first.engine.inputShape) and \(second.engine.inputShape)")
    }
    let one = TensorList(first.engine)
    let two = TensorList(second.engine)
    let pairs = try one.pairs(with: two)
    self.init(pairs, of: one)
    let images = try images()
    let quantizers = try [first, second].map {
      try $0.engine.quantizer($0.preprocessing(preprocessing))
    }
    let batch = one.batch(with: two)
    for start in stride(from: 0, to: images.count, by: batch) {
      let end = min(start + batch, images.count)
      let pixels = images[start..<end].pixels
      var found: [Int: [Int8]] = [:]
      try second.engine.trace(quantizers[1].quantize(pixels)) { found[$0] = $1 }
      try first.engine.trace(quantizers[0].quantize(pixels)) { tensor, values in
        guard let other = pairs[tensor], let theirs = found[other] else { return }
        add(
          tensor, one.integers(values, of: tensor),
          two.converted(theirs, of: other, to: one.tensors[tensor].grid), firstImage: start)
      }
      try context.update(
        "comparing \(images.count) images", Double(end) / Double(images.count))
    }
    finish()
  }

  /// Compares what a model computes with another runtime's tensors.
  ///
  /// - Parameter images: asked for only where the dump does not hold the network's input.
  /// - Throws: `CupelError` where the dump holds nothing of the model, or not enough; what running
  ///   throws; `CancellationError`.
  package init(
    _ model: IntegerModel, with dump: TensorDump, on images: () throws -> ImageSet,
    preprocessing: Preprocessing?
  ) throws {
    let own = TensorList(model.engine)
    let others = own.tensors.indices.filter {
      $0 != own.input && dump.names.contains(own.tensors[$0].name)
    }
    guard !others.isEmpty else {
      throw CupelError("\(dump.path): none of its arrays has the name of a tensor of \(model.path)")
    }
    self.init(Dictionary(uniqueKeysWithValues: others.map { ($0, $0) }), of: own)
    let inputs =
      try dump.inputs(of: model.engine, in: own)
      ?? model.engine.quantizer(model.preprocessing(preprocessing)).quantize(images().pixels)
    let size = model.engine.inputCount
    let count = inputs.count / size
    let stored = try dump.values(of: others, in: own, images: count)
    let batch = own.batch(with: own)
    for start in stride(from: 0, to: count, by: batch) {
      try Task.checkCancellation()
      let end = min(start + batch, count)
      try model.engine.trace(Array(inputs[start * size..<end * size])) { tensor, values in
        guard let theirs = stored[tensor] else { return }
        let elements = own.tensors[tensor].elementCount
        add(
          tensor, own.integers(values, of: tensor),
          Array(theirs[start * elements..<end * elements]), firstImage: start)
      }
    }
    finish()
  }
}

extension Grid {
  /// What its integers are stored in.
  fileprivate var stored: ClosedRange<Int> { isWide ? -32768...32767 : -128...127 }
}

extension TensorDump {
  /// The network's inputs, all of an image together; nil where the file does not hold them.
  fileprivate func inputs(of engine: IntegerEngine, in model: TensorList) throws -> [Int8]? {
    var all: [(images: Int, values: [Int8])] = []
    for own in engine.inputs {
      let input = model.tensors[own.tensor]
      guard let stored = try values(of: input) else { return nil }
      guard stored.values.allSatisfy(input.grid.stored.contains) else {
        throw CupelError(
          "\(path): '\(printable(input.name))', an input of the network, has values that are no "
            + "numbers of \(max(input.grid.bits, 8)) bits")
      }
      guard stored.images == all.first?.images ?? stored.images else {
        throw CupelError(
          "\(path): '\(printable(input.name))' has \(stored.images) images, the first input "
            + "\(all[0].images)")
      }
      all.append((stored.images, EngineTensor.bytes(stored.values, bits: own.bits)))
    }
    if all.count == 1 { return all[0].values }
    return (0..<all[0].images).flatMap { image in
      zip(engine.inputs, all).flatMap { input, stored in
        stored.values[image * input.values.count..<(image + 1) * input.values.count]
      }
    }
  }

  /// Values of those tensors that the file holds, of at least so many images.
  fileprivate func values(
    of tensors: [Int], in model: TensorList, images: Int
  ) throws -> [Int: [Int]] {
    var stored: [Int: [Int]] = [:]
    for index in tensors {
      guard let values = try values(of: model.tensors[index]) else { continue }
      guard values.images >= images else {
        throw CupelError(
          "\(path): '\(printable(model.tensors[index].name))' has \(values.images) images, the "
            + "input \(images)")
      }
      stored[index] = values.values
    }
    return stored
  }
}
