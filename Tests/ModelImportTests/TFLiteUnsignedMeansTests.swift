import CupelFixedPoint
import CupelModelImport
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema
import Testing

/// AVERAGE_POOL_2D of uint8 against LiteRT's formula, (sum + n / 2) / n in whole numbers that are not
/// negative. LiteRT 2.3.0's reference kernels gave the same on random images.
@Suite struct TFLiteUnsignedMeansTests {
  struct Pool: Sendable, CustomTestStringConvertible {
    var image = (height: 5, width: 6)
    var kernel = (height: 2, width: 2)
    var stride = 1
    var isPadded = false
    var zero = 0
    /// Of the fused activation: 0 for none, 1 for RELU.
    var activation = 0

    var testDescription: String {
      "\(kernel.height)x\(kernel.width) \(isPadded ? "SAME" : "VALID") \(zero) \(activation)"
    }

    /// Outputs along an axis, and what lies before the first window.
    private func places(_ extent: Int, _ kernel: Int) -> (count: Int, before: Int) {
      guard isPadded else { return ((extent - kernel) / stride + 1, 0) }
      let count = (extent + stride - 1) / stride
      return (count, max((count - 1) * stride + kernel - extent, 0) / 2)
    }

    var output: (height: Int, width: Int) {
      (places(image.height, kernel.height).count, places(image.width, kernel.width).count)
    }

    var source: TFLiteSource {
      typealias Field = TFLite.Options.Pool
      var source = TFLiteSource()
      let shapes = [[1, image.height, image.width, 2], [1, output.height, output.width, 2]]
      source.tensors = shapes.map { TFLiteSource.tensor($0, type: .uint8, zero: [zero]) }
      source.add(
        .averagePool2D, [0], [1],
        options: [
          Field.padding: .int8(isPadded ? 0 : 1), Field.strideWidth: .int32(stride),
          Field.strideHeight: .int32(stride), Field.filterWidth: .int32(kernel.width),
          Field.filterHeight: .int32(kernel.height), Field.activation: .int8(activation),
        ])
      return source
    }

    func expected(_ image: [UInt8]) -> [UInt8] {
      let rows = places(self.image.height, kernel.height)
      let columns = places(self.image.width, kernel.width)
      var result: [UInt8] = []
      for row in 0..<rows.count {
        for column in 0..<columns.count {
          for channel in 0..<2 {
            var (sum, count) = (0, 0)
            for y in 0..<kernel.height {
              for x in 0..<kernel.width {
                let (y, x) = (row * stride - rows.before + y, column * stride - columns.before + x)
                guard (0..<self.image.height).contains(y), (0..<self.image.width).contains(x)
                else { continue }
                sum += Int(image[(y * self.image.width + x) * 2 + channel])
                count += 1
              }
            }
            result.append(UInt8(max((sum + count / 2) / count, activation == 1 ? zero : 0)))
          }
        }
      }
      return result
    }
  }

  private static let pools: [Pool] = [
    Pool(), Pool(zero: 77), Pool(zero: 255), Pool(kernel: (2, 3)), Pool(kernel: (1, 2), stride: 2),
    Pool(zero: 128, activation: 1), Pool(image: (4, 4), kernel: (4, 4)), Pool(kernel: (3, 3)),
    Pool(isPadded: true), Pool(kernel: (3, 3), isPadded: true),
    Pool(kernel: (3, 3), isPadded: true, zero: 77), Pool(kernel: (4, 3), stride: 2, isPadded: true),
    Pool(kernel: (3, 3), isPadded: true, zero: 128, activation: 1),
    Pool(image: (66, 64), kernel: (66, 64)), Pool(image: (64, 64), kernel: (64, 64)),
  ]

  /// Narrow ranges hit ties more often, the ends show overflows.
  private func images(_ pool: Pool) -> [[UInt8]] {
    let count = pool.image.height * pool.image.width * 2
    var random = SeededGenerator(seed: 7)
    var images = [[UInt8](repeating: 0, count: count), [UInt8](repeating: 255, count: count)]
    for range in [0...255, 0...1, 126...129, 254...255, 0...3] {
      for _ in 0..<(count > 1000 ? 2 : 20) {
        images.append((0..<count).map { _ in UInt8(Int.random(in: range, using: &random)) })
      }
    }
    return images
  }

  @Test(arguments: pools, [DeploymentProfile.tflm, .litertReference, .xnnpack])
  func tiesGoUp(_ pool: Pool, _ profile: DeploymentProfile) throws {
    let program = try TFLiteImporter.load(bytes: pool.source.bytes, profile: profile)
      .integerProgram()
    for image in images(pool) {
      let own = try run(program, on: image.map { Int8(bitPattern: $0 &- 128) })
      #expect(own.map { UInt8(bitPattern: $0) &+ 128 } == pool.expected(image))
    }
  }
}
