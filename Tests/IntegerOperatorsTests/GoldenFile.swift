import CupelFixedPoint
import CupelIntegerOperators
import Foundation
import TestSupport
import Testing

/// What `tools/golden/litert_kernels.py` recorded of one operator.
struct GoldenFile: Decodable {
  var source: String
  var cases: [GoldenCase]

  init(named name: String) throws {
    let folder = Repository.golden("IntegerOperatorsTests")
    let data = try Data(contentsOf: folder.appendingPathComponent("\(name).json"))
    self = try JSONDecoder().decode(GoldenFile.self, from: data)
  }
}

/// One model of one operator. Byte strings are base64.
struct GoldenCase: Decodable {
  var input: [Int]
  var output: [Int]?
  var kernel: [Int]?
  var stride: [Int]?
  var dilation: [Int]?
  var pad: [Int]?
  var groups: Int?
  var bits: Int?
  /// Inputs, then output.
  var zeroPoints: [Int32]?
  var low: Int32?
  var high: Int32?
  var multipliers: [Int32]?
  var shifts: [Int32]?
  var ratioBits: [UInt32]?
  var weights: Data?
  var bias: [Int32]?
  var values: Data
  var second: Data?
  /// LiteRT's reference kernels.
  var reference: Data
  var xnnpack: Data?
}

extension GoldenCase {
  var inputExtent: Extent { Extent(height: input[0], width: input[1], channels: input[2]) }

  var outputExtent: Extent {
    output.map { Extent(height: $0[0], width: $0[1], channels: $0[2]) } ?? inputExtent
  }

  var window: Window {
    get throws {
      let kernel = try #require(kernel)
      let stride = try #require(stride)
      let pad = try #require(pad)
      let dilation = dilation ?? [1, 1]
      return Window(
        kernelHeight: kernel[0], kernelWidth: kernel[1], strideHeight: stride[0],
        strideWidth: stride[1], dilationHeight: dilation[0], dilationWidth: dilation[1],
        padTop: pad[0], padLeft: pad[1])
    }
  }

  var layerShape: LayerShape {
    get throws {
      LayerShape(
        input: inputExtent, output: outputExtent, inputZeroPoint: try #require(zeroPoints)[0])
    }
  }

  /// The weighted part, its rows as long as the operator has them.
  func weighted(rowLength: Int, rounding: RoundingMode) throws -> WeightedCase {
    WeightedCase(
      bits: try #require(bits), weights: try #require(weights).int8, rowLength: rowLength,
      bias: try #require(bias), multipliers: try #require(multipliers),
      shifts: try #require(shifts), ratioBits: try #require(ratioBits), rounding: rounding,
      zeroPoint: try #require(zeroPoints)[1], low: try #require(low), high: try #require(high))
  }
}

extension Data {
  var int8: [Int8] { map { Int8(bitPattern: $0) } }
}
