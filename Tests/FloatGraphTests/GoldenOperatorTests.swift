import CupelFloatGraph
import Foundation
import TestSupport
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
    let low, high, value, slope: Float?
    let outputPad: [Int]?
    /// By each input and each array of parameters, of `pattern(seed: 6)` at the output.
    let inputGradients, parameterGradients: [[Float]]?

    var testDescription: String { "\(self.operator): \(name)" }
  }

  static let file: File = {
    let path = Repository.golden("FloatGraphTests").appendingPathComponent("operators.json")
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
        "multiply", "sigmoid", "hardSwish", "leakyRelu", "transposeConvolution",
      ])
  }

  @Test(arguments: file.cases)
  func operatorGivesPyTorchsValues(_ test: Case) throws {
    let output = try FloatOperators.evaluate(
      try Self.operation(test), inputs: Self.inputs(test), outputShape: test.outputShape,
      threads: 2)
    #expect(output.shape == test.outputShape)
    try Self.expect(output.values, test.expected)
  }

  @Test(arguments: file.cases.filter { $0.inputGradients != nil })
  func gradientIsPyTorchs(_ test: Case) throws {
    let (operation, inputs) = (try Self.operation(test), Self.inputs(test))
    let output = try FloatOperators.evaluate(
      operation, inputs: inputs, outputShape: test.outputShape, threads: 2)
    let seed = pattern([Self.file.batch] + test.outputShape, seed: 6)
    let gradient = try FloatOperators.gradient(
      of: operation, inputs: inputs, output: output,
      outputGradient: Tensor(batch: Self.file.batch, shape: test.outputShape, values: seed),
      threads: 2)
    let expected = (test.inputGradients ?? []) + (test.parameterGradients ?? [])
    let found = gradient.inputs.map(\.values) + (gradient.parameters?.arrays ?? [])
    try #require(found.count == expected.count)
    for (array, values) in zip(found, expected) { try Self.expect(array, values) }
  }

  private static func inputs(_ test: Case) -> [Tensor] {
    let isWide = ["softmax", "sigmoid", "hardSwish", "leakyRelu"].contains(test.operator)
    var inputs = [pattern([file.batch] + test.shape, scale: isWide ? 8 : 1)]
    if ["add", "multiply", "concatenate"].contains(test.operator) {
      inputs.append(pattern([file.batch] + test.shape, seed: 5))
    }
    return inputs.map { Tensor(batch: file.batch, shape: test.shape, values: $0) }
  }

  private static func expect(_ values: [Float], _ expected: [Float]) throws {
    try #require(values.count == expected.count)
    let worst = zip(values, expected).map { abs($0 - $1) }.max() ?? 0
    let largest = expected.map(abs).max() ?? 0
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
    case "multiply": return .multiply
    case "sigmoid": return .sigmoid
    case "hardSwish": return .hardSwish
    case "leakyRelu": return .leakyRelu(slope: try #require(test.slope))
    case "transposeConvolution":
      let (outputs, groups) = (try #require(test.outputs), try #require(test.groups))
      let (window, outputPad) = (try window(test), try #require(test.outputPad))
      let count = channels / groups * window.kernelHeight * window.kernelWidth
      return .transposeConvolution(
        .init(
          weights: pattern([outputs, count], seed: 1, scale: 0.5),
          bias: test.bias == true ? pattern([outputs], seed: 2) : nil, outputChannels: outputs,
          window: window, groups: groups, outputPadHeight: outputPad[0],
          outputPadWidth: outputPad[1]))
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
