import CupelHostRuntime
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelFormat

/// The tensors of an integer model by the file's indices.
struct TensorList {
  struct Description {
    var name: String
    /// Height, width, channels.
    var extent: [Int]
    var grid: Grid

    var elementCount: Int { extent.reduce(1, *) }
  }

  let tensors: [Description]
  let input: Int
  let output: Int
  /// Indices in the order in which tensors are made, the inputs first.
  let order: [Int]

  init(_ engine: IntegerEngine) {
    (tensors, input, output, order) = engine.withModel { model in
      let tensors = (0..<model.tensorCount).map { index in
        let view = model.tensor(index)
        return Description(
          name: String(decoding: view.name, as: UTF8.self),
          extent: [view.height, view.width, view.channels],
          grid: Grid(
            scale: Float(bitPattern: view.scaleBits), zeroPoint: view.zeroPoint, bits: view.bits))
      }
      let inputs = (0..<model.tensorCount).filter(model.isInput)
      let order = inputs + (0..<model.operationCount).map { model.operation($0).output }
      return (tensors, model.input, model.output, order)
    }
  }

  /// For each tensor the one of another model that stands for the same thing: of its name and
  /// extent, or, where no names but the input's and output's agree, of its place in the order.
  ///
  /// - Throws: where nothing corresponds.
  func pairs(with other: TensorList) throws -> [Int: Int] {
    var byName: [String: Int] = [:]
    for index in other.order.reversed() { byName[other.tensors[index].name] = index }
    var pairs: [Int: Int] = [:]
    for index in order {
      if let twin = byName[tensors[index].name], tensors[index].extent == other.tensors[twin].extent
      {
        pairs[index] = twin
      }
    }
    let isAligned =
      order.count == other.order.count
      && zip(order, other.order).allSatisfy { tensors[$0].extent == other.tensors[$1].extent }
    if pairs.count <= 2, isAligned {
      return Dictionary(uniqueKeysWithValues: zip(order, other.order))
    }
    pairs[input] = other.input
    if tensors[output].extent == other.tensors[other.output].extent { pairs[output] = other.output }
    guard pairs.count > 1 else {
      throw CupelError("the models have no tensor in common: neither names nor extents agree")
    }
    return pairs
  }

  /// Values of a tensor, of which the bytes are given.
  func integers(_ values: [Int8], of tensor: Int) -> [Int] {
    EngineTensor.integers(values, bits: tensors[tensor].grid.bits)
  }

  /// Values of a tensor in units of another grid.
  func converted(_ values: [Int8], of tensor: Int, to grid: Grid) -> [Int] {
    let own = tensors[tensor].grid
    let integers = integers(values, of: tensor)
    if own.scale == grid.scale, own.zeroPoint == grid.zeroPoint { return integers }
    return integers.map { grid.quantize(own.dequantize($0)) }
  }

  /// Images to run at a time: all tensors of both models are kept.
  func batch(with other: TensorList) -> Int {
    let bytes = (tensors + other.tensors).reduce(1) { $0 + $1.elementCount }
    return min(max((32 << 20) / bytes, 1), 16)
  }
}
