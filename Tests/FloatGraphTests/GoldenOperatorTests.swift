import FloatGraph
import Foundation
import Testing

/// Every operator against PyTorch (`tools/golden/pytorch_operators.py`, version inside the file).
@Suite struct GoldenOperatorTests {
  struct File: Decodable {
    let batch: Int
    let cases: [Case]
  }

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let `operator`: String
    let shape: [Int]
    let outputShape: [Int]
    let expected: [Float]
    let outputs, groups, axis: Int?
    let kernel, stride, dilation, pads, before, after, start, step: [Int]?
    let bias, countsPadding: Bool?
    let low, high, value: Float?

    var testDescription: String { "\(self.operator): \(name)" }
  }

  static let file: File = {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/operators.json")
    guard let data = try? Data(contentsOf: path),
      let file = try? JSONDecoder().decode(File.self, from: data)
    else { return File(batch: 0, cases: []) }
    return file
  }()

  @Test func everyOperatorHasACase() {
    let found = Set(Self.file.cases.map(\.operator))
    #expect(
      found == [
        "convolution", "batchNormalization", "clamp", "add", "averagePool", "maxPool",
        "globalAveragePool", "reshape", "linear", "pad", "slice", "concatenate", "softmax",
      ])
  }

  @Test(arguments: file.cases)
  func operatorGivesPyTorchsValues(_ test: Case) throws {
    let scale: Double = test.operator == "softmax" ? 8 : 1
    var inputs = [pattern([Self.file.batch] + test.shape, scale: scale)]
    if ["add", "concatenate"].contains(test.operator) {
      inputs.append(pattern([Self.file.batch] + test.shape, seed: 5))
    }
    let tensors = inputs.map { Tensor(batch: Self.file.batch, shape: test.shape, values: $0) }
    let output = try FloatOperators.evaluate(
      try Self.operation(test), inputs: tensors, outputShape: test.outputShape, threads: 2)
    #expect(output.shape == test.outputShape)
    try #require(output.values.count == test.expected.count)
    let worst = zip(output.values, test.expected).map { abs($0 - $1) }.max() ?? 0
    let largest = test.expected.map(abs).max() ?? 0
    #expect(worst <= 2e-5 * max(largest, 1))
  }

  private static func operation(_ test: Case) throws -> FloatGraph.Operation {
    let channels = test.shape[0]
    switch test.operator {
    case "convolution":
      let (outputs, groups) = (try #require(test.outputs), try #require(test.groups))
      let window = try window(test)
      let count = channels / groups * window.kernelHeight * window.kernelWidth
      return .convolution(
        .init(
          weights: pattern([outputs, count], seed: 1, scale: 0.5),
          bias: test.bias == true ? pattern([outputs], seed: 2) : nil, outputChannels: outputs,
          window: window, groups: groups))
    case "batchNormalization":
      return .batchNormalization(
        .init(
          gamma: pattern([channels], seed: 1), beta: pattern([channels], seed: 2),
          mean: pattern([channels], seed: 3),
          variance: pattern([channels], seed: 4).map { abs($0) + 0.1 }, epsilon: 1e-3))
    case "clamp": return .clamp(low: test.low ?? -.infinity, high: test.high ?? .infinity)
    case "add": return .add
    case "averagePool":
      return .averagePool(
        .init(window: try window(test), countsPadding: test.countsPadding == true))
    case "maxPool": return .maxPool(.init(window: try window(test)))
    case "globalAveragePool": return .globalAveragePool
    case "linear":
      let outputs = try #require(test.outputs)
      return .linear(
        .init(
          weights: pattern([outputs, channels], seed: 1, scale: 0.5),
          bias: test.bias == true ? pattern([outputs], seed: 2) : nil, outputFeatures: outputs))
    case "pad":
      return .pad(
        .init(
          before: try #require(test.before), after: try #require(test.after),
          value: try #require(test.value)))
    case "slice":
      return .slice(.init(start: try #require(test.start), step: try #require(test.step)))
    case "concatenate": return .concatenate(axis: try #require(test.axis))
    case "softmax": return .softmax
    default: return .reshape
    }
  }

  private static func window(_ test: Case) throws -> FloatGraph.Window {
    let kernel = try #require(test.kernel)
    let stride = try #require(test.stride)
    let dilation = try #require(test.dilation)
    let pads = try #require(test.pads)
    return FloatGraph.Window(
      kernelHeight: kernel[0], kernelWidth: kernel[1], strideHeight: stride[0],
      strideWidth: stride[1], dilationHeight: dilation[0], dilationWidth: dilation[1],
      padTop: pads[0], padLeft: pads[1], padBottom: pads[2], padRight: pads[3])
  }
}

/// As `pattern` in tools/golden/pytorch_operators.py.
func pattern(_ shape: [Int], seed: Int = 0, scale: Double = 1) -> [Float] {
  (0..<shape.reduce(1, *)).map { (index: Int) -> Float in
    let step = (index + 101 * seed) * 7919 % 1009
    let value = Double(step) / 504.5 - 1
    return Float(value * scale)
  }
}
