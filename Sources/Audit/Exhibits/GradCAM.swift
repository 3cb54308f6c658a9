import CupelFloatGraph

/// Where in an image a network looks for its answer (Grad-CAM, Selvaraju et al., ICCV 2017): the
/// channels of a late value, weighted by how much the answer's logit depends on each on average, added
/// up and cut off below zero.
package enum GradCAM {
  struct Map: Sendable {
    /// The network's own answer, for which the map is.
    var answer: Int
    /// [height][width], in [0, 1], the largest one; all zero where nothing speaks for the answer.
    var heat: [Float]
  }

  /// - Parameters:
  ///   - value: [C, H, W] in the network.
  ///   - height, width: of the maps.
  /// - Returns: one map an image.
  static func maps(
    _ network: some NetworkView, value: Int, images: Tensor, height: Int, width: Int
  ) throws -> [Map] {
    let (inner, gradient, answers) = try network.sensitivity(to: value, of: images)
    return answers.indices.map { image in
      let coarse = weighted(inner, gradient, image: image)
      let heat = resize(
        coarse, height: inner.shape[1], width: inner.shape[2], toHeight: height, width: width)
      let largest = heat.max() ?? 0
      return Map(answer: answers[image], heat: largest > 0 ? heat.map { $0 / largest } : heat)
    }
  }

  /// [H][W]: max(0, Σ over channels of the mean gradient × the value).
  package static func weighted(_ value: Tensor, _ gradient: Tensor, image: Int) -> [Float] {
    let (channels, plane) = (value.shape[0], value.shape[1] * value.shape[2])
    var sums = [Float](repeating: 0, count: plane)
    for channel in 0..<channels {
      let start = image * value.stride + channel * plane
      let weight = gradient.values[start..<start + plane].reduce(0, +) / Float(plane)
      for place in 0..<plane { sums[place] += weight * value.values[start + place] }
    }
    return sums.map { max($0, 0) }
  }

  /// Bilinear, samples at the centres of pixels, held at the edge.
  static func resize(
    _ map: [Float], height: Int, width: Int, toHeight: Int, width toWidth: Int
  ) -> [Float] {
    func neighbours(_ index: Int, _ from: Int, _ to: Int) -> (Int, Int, Float) {
      let place = (Float(index) + 0.5) * Float(from) / Float(to) - 0.5
      let held = min(max(place, 0), Float(from - 1))
      let low = Int(held)
      return (low, min(low + 1, from - 1), held - Float(low))
    }
    var result: [Float] = []
    result.reserveCapacity(toHeight * toWidth)
    for row in 0..<toHeight {
      let (top, bottom, down) = neighbours(row, height, toHeight)
      for column in 0..<toWidth {
        let (left, right, across) = neighbours(column, width, toWidth)
        let upper = map[top * width + left] * (1 - across) + map[top * width + right] * across
        let lower = map[bottom * width + left] * (1 - across) + map[bottom * width + right] * across
        result.append(upper * (1 - down) + lower * down)
      }
    }
    return result
  }
}
