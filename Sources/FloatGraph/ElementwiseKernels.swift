#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Batch normalization in inference: one factor and one offset a channel.
struct AffineKernel: Sendable {
  private let scale, offset: [Float]
  private let plane: Int

  init(_ normalization: FloatGraph.BatchNormalization, shape: [Int]) {
    scale = normalization.scale
    offset = normalization.offset
    plane = shape.dropFirst().reduce(1, *)
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    for image in 0..<images {
      for channel in scale.indices {
        let start = (image * scale.count + channel) * plane
        let (source, target) = (input + start, output + start)
        let (factor, shift) = (scale[channel], offset[channel])
        for index in 0..<plane { target[index] = source[index] * factor + shift }
      }
    }
  }
}

extension FloatGraph.BatchNormalization {
  /// gamma / √(variance + epsilon), per channel.
  package var scale: [Float] {
    gamma.indices.map { gamma[$0] / (variance[$0] + epsilon).squareRoot() }
  }

  /// beta − mean · scale, per channel.
  package var offset: [Float] {
    let scale = scale
    return beta.indices.map { beta[$0] - mean[$0] * scale[$0] }
  }
}

enum Elementwise {
  /// A NaN passes through, so that it is seen and not turned into a plausible number.
  static func clamp(
    _ input: UnsafePointer<Float>, low: Float, high: Float, count: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count {
      let value = input[index]
      let raised = low > value ? low : value
      output[index] = high < raised ? high : raised
    }
  }

  static func add(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count { output[index] = left[index] + right[index] }
  }

  /// The mean of each of `planes` consecutive runs of `plane` elements, summed in eight lanes.
  static func planeMeans(
    _ input: UnsafePointer<Float>, planes: Int, plane: Int, output: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<planes {
      let source = input + index * plane
      var lanes = SIMD8<Float>()
      let whole = plane & ~7
      for start in stride(from: 0, to: whole, by: 8) {
        lanes += UnsafeRawPointer(source + start).loadUnaligned(as: SIMD8<Float>.self)
      }
      var sum = lanes.sum()
      for rest in whole..<plane { sum += source[rest] }
      output[index] = sum / Float(plane)
    }
  }

  /// exp(x − max) / Σ exp(x − max).
  static func softmax(
    _ input: UnsafePointer<Float>, count: Int, output: UnsafeMutablePointer<Float>
  ) {
    var largest = input[0]
    for index in 1..<max(count, 1) where input[index] > largest { largest = input[index] }
    var sum: Float = 0
    for index in 0..<count {
      let value = expf(input[index] - largest)
      output[index] = value
      sum += value
    }
    for index in 0..<count { output[index] /= sum }
  }
}
