import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

/// Images of another height and width.
extension OperatorRoom {
  static let resize = OperatorRoom(
    OnnxRow(
      "Resize",
      [
        "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
        "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode",
      ], float: { try $0.resize() }),
    OnnxRow("Upsample", ["mode", "scales"], float: { try $0.upsample() }),
    TFLiteRow(
      .resizeBilinear, float: { try $0.resizeBilinear() }, integer: { try $0.resizeBilinear() }),
    TFLiteRow(
      .resizeNearestNeighbor, takesPlainIntegers: true, float: { try $0.resizeNearest() },
      integer: { try $0.resizeNearest() }))
}

/// Where the elements of a resized axis lie on the axis that they are made of.
private struct ResizedAxis {
  let extent, count: Int
  let scale: Float
  let coordinates: String

  /// The place of an element, as ONNX defines it.
  func place(_ index: Int) -> Float {
    let x = Float(index)
    switch coordinates {
    case "asymmetric": return x / scale
    case "align_corners":
      return count == 1 ? 0 : x * Float(extent - 1) / Float(count - 1)
    case "pytorch_half_pixel": return count > 1 ? (x + 0.5) / scale - 0.5 : 0
    default: return (x + 0.5) / scale - 0.5
    }
  }

  func nearest(_ mode: String) -> [Int] {
    (0..<count).map { index in
      let place = place(index)
      let rounded: Float =
        switch mode {
        case "floor": place.rounded(.down)
        case "ceil": place.rounded(.up)
        case "round_prefer_ceil": (place + 0.5).rounded(.down)
        default: (place - 0.5).rounded(.up)
        }
      return Int(min(max(rounded, 0), Float(extent - 1)))
    }
  }

  var linear: FloatGraph.Interpolate.Axis {
    var (lows, shares): ([Int], [Float]) = ([], [])
    for index in 0..<count {
      let place = min(max(place(index), 0), Float(extent - 1))
      let low = min(Int(place), extent - 1)
      lows.append(low)
      shares.append(place - Float(low))
    }
    return .init(lows: lows, shares: shares)
  }
}

extension OnnxConverter {
  fileprivate mutating func resize() throws(ImportError) -> Binding {
    try node.support(
      try node.text("keep_aspect_ratio_policy") ?? "stretch" == "stretch",
      "a policy for the aspect ratio")
    try node.support(!(try node.flag("antialias")), "antialias")
    let coordinates = try node.text("coordinate_transformation_mode") ?? "half_pixel"
    let known = [
      "half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners",
    ]
    try node.support(known.contains(coordinates), "coordinates '\(printable(coordinates))'")
    let source = try placed()
    let axes = try node.integers("axes").map { list throws(ImportError) in
      try positive(list, rank: source.rank)
    }
    return try resized(
      source, axes: axes, scales: operatorSet < 11 ? 1 : 2, sizes: 3,
      coordinates: operatorSet < 11 ? "asymmetric" : coordinates,
      rounding: operatorSet < 11 ? "floor" : try node.text("nearest_mode") ?? "round_prefer_floor")
  }

  fileprivate mutating func upsample() throws(ImportError) -> Binding {
    try resized(
      try placed(), axes: nil, scales: 1, sizes: 2, coordinates: "asymmetric", rounding: "floor")
  }

  private mutating func resized(
    _ source: PlacedValue, axes: [Int]?, scales scalesIndex: Int, sizes sizesIndex: Int,
    coordinates: String, rounding: String
  ) throws(ImportError) -> Binding {
    let mode = try node.text("mode") ?? "nearest"
    try node.support(["nearest", "linear", "bilinear"].contains(mode), "mode '\(printable(mode))'")
    var factors: [Float]? = try node.numbers("scales")
    if factors == nil, let given = try constant(scalesIndex), given.count > 0 {
      factors = given.floats
    }
    let target = try sizes(sizesIndex)
    let axes = axes ?? Array(0..<source.rank)
    guard let count = target?.count ?? factors?.count, count == axes.count else {
      throw node.error("needs a scale or a size for each of \(axes.count) axes")
    }
    var parts = [ResizedAxis?](repeating: nil, count: source.shape.count)
    for (position, axis) in axes.enumerated() {
      let size = target?[position]
      let factor = target == nil ? factors?[position] : nil
      guard let own = source.axis(axis) else {
        let isKept = size.map { $0 == .batch || fixedBatch != nil && $0.known == fixedBatch }
        try node.support(
          source.place.isOwnAxis && (isKept ?? (factor == 1)), "of the batch axis")
        continue
      }
      let extent = source.shape[own]
      let length = try factor == nil ? known(size) : extentOf(extent, times: factor ?? 1)
      let scale = factor ?? Float(length) / Float(extent)
      guard scale > 0, scale.isFinite, (1...ShapeArithmetic.maximumElements).contains(length) else {
        throw node.error("axis \(axis) of \(extent) elements resized by \(scale)")
      }
      if let factor, coordinates == "align_corners" {
        try node.support(
          Float(extent) * factor == Float(length),
          "aligned corners at a scale that gives no whole size, of which ONNX and runtimes differ")
      }
      try budget.claim(2 * length, size: MemoryLayout<Int>.stride, for: node)
      guard length != extent || scale != 1 else { continue }
      parts[own] = ResizedAxis(
        extent: extent, count: length, scale: scale, coordinates: coordinates)
    }
    if mode == "nearest" {
      return try append(
        .gather(parts.map { $0?.nearest(rounding) }), inputs: [source.value], at: source.place)
    }
    return try append(
      .interpolate(parts.map { $0?.linear }), inputs: [source.value], at: source.place)
  }

  private mutating func sizes(_ index: Int) throws(ImportError) -> [SymbolicInteger]? {
    guard let given = try constant(index), given.count > 0 else { return nil }
    guard let integers = given.integers else { throw node.error("its sizes are not integers") }
    return integers
  }

  private func known(_ size: SymbolicInteger?) throws(ImportError) -> Int {
    guard let known = size?.known else {
      throw node.unsupported("to a size that depends on the batch size")
    }
    return known
  }

  private func extentOf(_ extent: Int, times scale: Float) throws(ImportError) -> Int {
    let length = Float(extent) * scale
    guard length >= 1, length <= Float(ShapeArithmetic.maximumElements) else {
      throw node.error("\(extent) elements resized by \(scale)")
    }
    return Int(length)
  }
}

// MARK: - TensorFlow Lite

/// What a node makes of the rows and columns of [batch, height, width, channels].
private struct Resizing {
  let from, to: [Int]
  let alignsCorners, halfPixelCentres: Bool

  /// - Parameter fields: of the two options.
  init(_ node: TFLiteNode, fields: (corners: Int, halves: Int)) throws(ImportError) {
    from = try node.tensor(0).shape
    to = node.model.tensors[try node.output()].shape
    let size = try node.computesShape(1) ? nil : try node.integers(1, "a size")
    alignsCorners = try node.flag(fields.corners)
    halfPixelCentres = try node.flag(fields.halves)
    guard from.count == 4, to.count == 4, from[0] == to[0], from[3] == to[3],
      size ?? Array(to[1...2]) == Array(to[1...2])
    else { throw node.error("a size of \(size ?? []) from \(from) to \(to)") }
    try node.require(
      !alignsCorners || !halfPixelCentres, "aligns corners and takes pixels' middles at once")
  }

  /// Whole factors of all axes; nil where some axis has none.
  var factors: [Int]? {
    let factors = zip(from, to).map { $1 / $0 }
    return zip(factors, zip(from, to)).allSatisfy { $0 >= 1 && $0 * $1.0 == $1.1 } ? factors : nil
  }

  /// The element of an axis that is nearest to each of the output's, as TensorFlow Lite works it out
  /// in float32.
  func nearest(axis: Int) -> [Int] {
    let (own, count) = (from[axis], to[axis])
    let isAligned = alignsCorners && count > 1
    let scale = isAligned ? Float(own - 1) / Float(count - 1) : Float(own) / Float(count)
    let offset: Float = halfPixelCentres ? 0.5 : 0
    return (0..<count).map { index in
      let place = (Float(index) + offset) * scale
      let whole = alignsCorners ? place.rounded(.toNearestOrAwayFromZero) : place.rounded(.down)
      return max(min(Int(whole), own - 1), 0)
    }
  }
}

extension Resizing {
  /// Where the output's elements lie between those of an axis, as TensorFlow Lite works it out in
  /// float32.
  func linear(axis: Int) -> FloatGraph.Interpolate.Axis {
    let (own, count) = (from[axis], to[axis])
    let isAligned = alignsCorners && count > 1
    let scale = isAligned ? Float(own - 1) / Float(count - 1) : Float(own) / Float(count)
    var result = FloatGraph.Interpolate.Axis(lows: [], shares: [])
    for index in 0..<count {
      let place =
        halfPixelCentres ? (Float(index) + 0.5) * scale - 0.5 : Float(index) * scale
      let inside = min(max(place, 0), Float(own - 1))
      let low = min(Int(inside), own - 1)
      result.lows.append(low)
      result.shares.append(inside - Float(low))
    }
    return result
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func resizeBilinear() throws(ImportError) {
    typealias Field = TFLite.Options.ResizeBilinear
    let resizing = try Resizing(node, fields: (Field.alignsCorners, Field.halfPixelCentres))
    try claim(resizing.to[1] + resizing.to[2], size: 16)
    let (rows, columns) = (resizing.linear(axis: 1), resizing.linear(axis: 2))
    if isOnImages {
      let input = try image()
      return try finish(try append(.interpolate([nil, rows, columns]), inputs: [input.value]))
    }
    try finish(try made(.interpolate([nil, rows, columns, nil]), [try array()], ""))
  }

  fileprivate mutating func resizeNearest() throws(ImportError) {
    typealias Field = TFLite.Options.ResizeNearestNeighbor
    let resizing = try Resizing(node, fields: (Field.alignsCorners, Field.halfPixelCentres))
    try claim(resizing.to[1] + resizing.to[2], size: 16)
    let (rows, columns) = (resizing.nearest(axis: 1), resizing.nearest(axis: 2))
    if isOnImages {
      let input = try image()
      return try finish(try append(.gather([nil, rows, columns]), inputs: [input.value]))
    }
    try finish(try made(.gather([nil, rows, columns, nil]), [try array()], ""))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func resizeBilinear() throws(ImportError) {
    typealias Field = TFLite.Options.ResizeBilinear
    let resizing = try Resizing(node, fields: (Field.alignsCorners, Field.halfPixelCentres))
    let output = try description(try node.output())
    let own = try images().map { relabelled($0, like: output) }
    // XNNPACK takes no 16 bits, and LiteRT hands over a size alone that stands in the file.
    let isSizeComputed = try node.computesShape(1)
    let isLiteRTs = output.grid.isWide || isSizeComputed
    let kind = IntegerOperation.Kind.resizeBilinear(
      .init(
        alignsCorners: resizing.alignsCorners, halfPixelCentres: resizing.halfPixelCentres,
        rounding: isLiteRTs ? .doubleRounding : builder.profile.resizeMode))
    try finish(each: own, extent: Array(resizing.to[1...])) { _, image in (kind, image) }
  }

  /// By whole factors every rule for centres picks the same pixels; that for corners does not.
  fileprivate mutating func resizeNearest() throws(ImportError) {
    typealias Field = TFLite.Options.ResizeNearestNeighbor
    let resizing = try Resizing(node, fields: (Field.alignsCorners, Field.halfPixelCentres))
    let output = try description(try node.output())
    var input = try array(like: output)
    let isSame = resizing.from == resizing.to
    if let factors = resizing.factors, isSame || !resizing.alignsCorners {
      return try enlarge(input, by: factors, wholeAxes: false)
    }
    try claim(resizing.to[1] + resizing.to[2], size: 16)
    let rows = builder.gather(input, axis: 1, indices: resizing.nearest(axis: 1))
    input.shape[1] = resizing.to[1]
    input = builder.array(rows, shape: input.shape, named: input.name)
    try finish(builder.gather(input, axis: 2, indices: resizing.nearest(axis: 2)))
  }
}
