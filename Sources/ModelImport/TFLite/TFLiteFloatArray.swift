import CupelFloatGraph
import CupelTFLiteSchema

/// A value of a float graph with all the axes of a tensor of the file, in the file's order. A scalar
/// has one axis.
struct FloatArray {
  var value: Int
  var shape: [Int]
}

/// What no image or vector can say is computed on the file's own axes: batches, matrices, tensors of
/// many axes. The graph's own batch is then one such tensor.
extension TFLiteFloatConverter {
  /// The axes of a tensor of the file.
  func axes(of index: Int) throws(ImportError) -> [Int] {
    let tensor = model.tensors[index]
    guard tensor.shape.count <= TFLiteShape.mostAxes,
      ShapeArithmetic.elementCount(tensor.shape) != nil
    else {
      throw tensor.error(
        "shape \(tensor.shape) is not fixed, or has more than \(TFLiteShape.mostAxes) axes or "
          + "\(ShapeArithmetic.maximumElements) elements")
    }
    return tensor.shape.isEmpty ? [1] : tensor.shape
  }

  /// Whether a tensor of the file is one image or one list of features.
  func isImage(_ index: Int) -> Bool { (try? shape(index)) != nil }

  /// Whether what a node reads and gives are images and features, and no activation among them has
  /// all the axes of the file.
  var isOnImages: Bool {
    node.inputs.allSatisfy { index in
      guard index >= 0, case .value(_, let order) = bindings[index] else { return true }
      return order != .axes && isImage(index)
    } && node.outputs.allSatisfy { $0 >= 0 && isImage($0) }
  }

  /// An input with the file's axes; a constant is put into the graph.
  mutating func array(_ position: Int = 0) throws(ImportError) -> FloatArray {
    let index = try node.input(position)
    guard case .value(let value, let order) = bindings[index] else {
      let constant = try constant(position, "a constant")
      let shape = constant.shape.isEmpty ? [1] : constant.shape
      let value = try append(
        .constant(.init(values: constant.values, shape: shape)), [graph.input], shape: nil,
        of: index, "/constant")
      return FloatArray(value: value, shape: shape)
    }
    let shape = try axes(of: index)
    if let held = arrays[index] { return FloatArray(value: held, shape: shape) }
    let own = try laidOut(index, value, order, as: shape)
    arrays[index] = own
    return FloatArray(value: own, shape: shape)
  }

  /// An output that is a constant of the file.
  mutating func constantOutput(_ index: Int) throws(ImportError) -> Int {
    let tensor = model.tensors[index]
    let shape = try axes(of: index)
    let count = shape.reduce(1, *)
    guard let place = tensor.data, tensor.type == .float32, !tensor.isSparse,
      model.data(place).count == 4 * count, budget.claim(count, size: 4)
    else { throw tensor.error("an output that is a constant, but not whole and of float32") }
    let values = TFLiteReal.singles(model.data(place), count: count)
    guard values.allSatisfy(\.isFinite) else { throw tensor.error("is not finite") }
    return try append(
      .constant(.init(values: values, shape: shape)), [graph.input], shape: nil, of: index, "")
  }

  /// The value that a tensor of the file is, with all its axes.
  mutating func laidOut(
    _ index: Int, _ value: Int, _ order: Order, as shape: [Int]
  ) throws(ImportError) -> Int {
    var value = value
    if case .flattened(let height, let width, let channels) = order {
      value = try append(
        .reshape, [value], shape: [channels, height, width], of: index, "/image")
    }
    switch order {
    case .image, .flattened:
      if !graph.values[value].shape.isOrderless {
        value = try append(.transpose([1, 2, 0]), [value], shape: nil, of: index, "/order")
      }
    case .vector, .channelsFirst, .axes: break
    }
    return graph.values[value].shape == shape
      ? value : try append(.reshape, [value], shape: shape, of: index, "/axes")
  }

  /// A tensor of the file, held with all its axes, as an image or as features.
  mutating func imaged(_ index: Int, _ value: Int) throws(ImportError) -> Int {
    let (shape, order) = try shape(index)
    guard order == .image, !shape.isOrderless else {
      return graph.values[value].shape == shape
        ? value : try append(.reshape, [value], shape: shape, of: index, "/features")
    }
    let last = [shape[1], shape[2], shape[0]]
    let image = try append(.reshape, [value], shape: last, of: index, "/image")
    return try append(.transpose([2, 0, 1]), [image], shape: nil, of: index, "/channels")
  }

  /// Appends an operation whose result is called after a tensor of the file.
  private mutating func append(
    _ operation: FloatGraph.Operation, _ inputs: [Int], shape: [Int]?, of index: Int,
    _ suffix: String
  ) throws(ImportError) -> Int {
    let name = model.tensors[index].name + suffix
    do {
      return try graph.append(operation, named: name, value: name, inputs: inputs, shape: shape)
    } catch {
      throw model.tensors[index].error(error.rule)
    }
  }

  /// An operation on arrays on the way to a node's output.
  mutating func made(
    _ operation: FloatGraph.Operation, _ inputs: [FloatArray], shape: [Int]? = nil, _ suffix: String
  ) throws(ImportError) -> FloatArray {
    let value = try append(operation, inputs: inputs.map(\.value), shape: shape, suffix: suffix)
    return FloatArray(value: value, shape: graph.values[value].shape)
  }

  /// The array with other axes.
  mutating func viewed(
    _ array: FloatArray, as shape: [Int], _ suffix: String
  ) throws(ImportError) -> FloatArray {
    array.shape == shape ? array : try made(.reshape, [array], shape: shape, suffix)
  }

  /// Two inputs with as many axes, missing ones in front being 1.
  mutating func aligned(_ arrays: [FloatArray]) throws(ImportError) -> [FloatArray] {
    let rank = arrays.map(\.shape.count).max() ?? 1
    var result: [FloatArray] = []
    for (position, array) in arrays.enumerated() {
      let ones = [Int](repeating: 1, count: rank - array.shape.count)
      result.append(try viewed(array, as: ones + array.shape, "/aligned\(position)"))
    }
    return result
  }

  /// Binds a node's output to a value that has the file's axes, or as many elements in their order.
  mutating func finish(
    array value: Int, bounds: ClosedRange<Float> = -.infinity ... .infinity, for output: Int? = nil
  ) throws(ImportError) {
    let index = if let output { output } else { try node.output() }
    let declared = try axes(of: index)
    var value = value
    if bounds != -.infinity ... .infinity {
      value = try limited(value, bounds, suffix: "/activation")
    }
    let own = graph.values[value].shape
    guard own.reduce(1, *) == declared.reduce(1, *) else {
      throw node.error("gives \(own) where \(declared) is declared")
    }
    if own != declared {
      value = try append(.reshape, [value], shape: declared, of: index, "/axes")
    }
    bindings[index] = .value(value, .axes)
  }

  mutating func finish(
    _ array: FloatArray, bounds: ClosedRange<Float> = -.infinity ... .infinity,
    for output: Int? = nil
  ) throws(ImportError) {
    try finish(array: array.value, bounds: bounds, for: output)
  }
}

/// The images of a batch, of one shape [C, H, W]: windows slide on one image at a time.
struct FloatImages {
  var values: [Int]
  var shape: [Int]
}

extension TFLiteFloatConverter {
  /// The images of an input.
  mutating func images(_ position: Int = 0) throws(ImportError) -> FloatImages {
    if isImage(try node.input(position)) {
      let found = try image(position)
      return FloatImages(values: [found.value], shape: found.shape)
    }
    let batch = try array(position)
    guard batch.shape.count == 4 else { throw node.error("takes images, has \(batch.shape)") }
    try node.support(batch.shape[0] <= 64, "a batch of \(batch.shape[0]) images")
    let own = Array(batch.shape.dropFirst())
    var result = FloatImages(values: [], shape: [own[2], own[0], own[1]])
    for place in 0..<batch.shape[0] {
      let slice = FloatGraph.Slice(start: [place, 0, 0, 0], step: [1, 1, 1, 1])
      let part = try made(.slice(slice), [batch], shape: [1] + own, "/image\(place)")
      let last = try viewed(part, as: own, "/pixels\(place)")
      result.values.append(try made(.transpose([2, 0, 1]), [last], "/channels\(place)").value)
    }
    return result
  }

  /// Binds a node's output to what an operation gives of each image.
  mutating func finish(
    _ operation: FloatGraph.Operation, on images: FloatImages, bounds: ClosedRange<Float>
  ) throws(ImportError) {
    if images.values.count == 1 {
      return try finish(try append(operation, inputs: images.values), bounds: bounds)
    }
    var parts: [FloatArray] = []
    for (place, image) in images.values.enumerated() {
      let own = FloatArray(value: image, shape: images.shape)
      let result = try made(operation, [own], "/result\(place)")
      let last = try made(.transpose([1, 2, 0]), [result], "/last\(place)")
      parts.append(try viewed(last, as: [1] + last.shape, "/part\(place)"))
    }
    try finish(try joined(parts, axis: 0, ""), bounds: bounds)
  }
}
