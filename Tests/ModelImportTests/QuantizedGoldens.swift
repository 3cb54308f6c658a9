import Foundation
import Testing

/// Models that onnxruntime.quantization made of the small float networks, and every quantized tensor
/// that ONNX Runtime computed of one input: `tools/golden/quantized_onnx.py`, versions inside.
struct QuantizedGoldens: Decodable {
  struct Model: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    /// Name of the quantized input.
    let input: String
    let tensors: [String: Values]

    var testDescription: String { file }
  }

  struct Values: Decodable, Sendable {
    /// Batch of one first, then channels, height and width, or features.
    let shape: [Int]
    /// int8 in base64.
    let values: Data

    /// In height, width, channel order.
    var channelsLast: [Int8] {
      let flat = values.map { Int8(bitPattern: $0) }
      guard shape.count == 4 else { return flat }
      let (channels, area) = (shape[1], shape[2] * shape[3])
      return (0..<flat.count).map { flat[$0 % channels * area + $0 / channels] }
    }
  }

  let models: [Model]

  static func load() throws -> QuantizedGoldens {
    let data = try Data(contentsOf: Fixtures.golden.appendingPathComponent("quantized.json"))
    return try JSONDecoder().decode(QuantizedGoldens.self, from: data)
  }
}
