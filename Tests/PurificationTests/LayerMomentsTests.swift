import FloatGraph
import Purification
import Support
import Testing

@Suite struct LayerMomentsTests {
  struct Shape: CustomStringConvertible, Sendable {
    var input: [Int]
    var outputs: Int
    var window: FloatGraph.Window
    var groups = 1
    var description: String { "\(input) to \(outputs), \(window), \(groups) groups" }
  }

  private static let shapes = [
    Shape(input: [3, 5, 4], outputs: 2, window: .init(kernelHeight: 1, kernelWidth: 1)),
    Shape(
      input: [2, 6, 6], outputs: 4,
      window: .init(
        kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1, padBottom: 1, padRight: 1)),
    Shape(
      input: [4, 7, 5], outputs: 6,
      window: .init(
        kernelHeight: 3, kernelWidth: 2, strideHeight: 2, strideWidth: 3, padTop: 2, padLeft: 0,
        padBottom: 1, padRight: 1), groups: 2),
    Shape(
      input: [5, 8, 8], outputs: 5,
      window: .init(
        kernelHeight: 3, kernelWidth: 3, dilationHeight: 2, dilationWidth: 2, padTop: 2,
        padLeft: 2, padBottom: 2, padRight: 2), groups: 5),
  ]

  private func operation(_ shape: Shape, seed: UInt64) -> FloatGraph.Operation {
    let fanIn =
      shape.input[0] / shape.groups * shape.window.kernelHeight * shape.window.kernelWidth
    let weights = randomTensor(batch: 1, shape: [shape.outputs * fanIn], seed: seed).values
    return .convolution(
      .init(
        weights: weights, bias: nil, outputChannels: shape.outputs, window: shape.window,
        groups: shape.groups))
  }

  @Test(arguments: shapes) func convolutionsAgreeWithTheDefinition(shape: Shape) throws {
    let quantized = randomTensor(batch: 9, shape: shape.input, seed: 1)
    let float = randomTensor(batch: 9, shape: shape.input, seed: 2)
    let operation = operation(shape, seed: 3)
    for images in [0..<9, 0..<1, 4..<7] {
      let moments = try LayerMoments(
        operation: operation, quantized: quantized, float: float, images: images)
      let columns =
        shape.input[0] / shape.groups * shape.window.kernelHeight * shape.window.kernelWidth
      #expect(moments.columns == columns)
      #expect(moments.groups == shape.groups)
      for group in 0..<shape.groups {
        let q = patches(of: quantized, images, shape, group)
        let f = patches(of: float, images, shape, group)
        let offset = group * columns * columns
        for row in 0..<columns {
          for column in 0..<columns {
            let place = offset + row * columns + column
            #expect(abs(Double(moments.gram[place]) - mean(q, q, row, column)) < 1e-5)
            #expect(abs(Double(moments.cross[place]) - mean(f, q, row, column)) < 1e-5)
          }
        }
      }
    }
  }

  @Test func linearLayersAgreeWithTheDefinition() throws {
    let quantized = randomTensor(batch: 6, shape: [5], seed: 1)
    let float = randomTensor(batch: 6, shape: [5], seed: 2)
    let linear = FloatGraph.Operation.linear(
      .init(weights: [Float](repeating: 0, count: 15), bias: nil, outputFeatures: 3))
    for images in [0..<6, 2..<5] {
      let moments = try LayerMoments(
        operation: linear, quantized: quantized, float: float, images: images)
      #expect(moments.columns == 5)
      #expect(moments.groups == 1)
      func rows(_ tensor: Tensor) -> [[Double]] {
        images.map { image in (0..<5).map { Double(tensor.values[image * 5 + $0]) } }
      }
      for row in 0..<5 {
        for column in 0..<5 {
          let gram = mean(rows(quantized), rows(quantized), row, column)
          let cross = mean(rows(float), rows(quantized), row, column)
          #expect(abs(Double(moments.gram[row * 5 + column]) - gram) < 1e-6)
          #expect(abs(Double(moments.cross[row * 5 + column]) - cross) < 1e-6)
        }
      }
    }
  }

  @Test func aLayerThatDoesNotFitIsRefused() {
    let tensor = randomTensor(batch: 1, shape: [2, 4, 4], seed: 1)
    #expect(throws: FloatGraphError.self) {
      try LayerMoments(
        operation: operation(Self.shapes[0], seed: 1), quantized: tensor, float: tensor,
        images: 0..<1)
    }
  }

  /// Mean over positions of a[row] · b[column].
  private func mean(_ a: [[Double]], _ b: [[Double]], _ row: Int, _ column: Int) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0[row] * $1.1[column] } / Double(a.count)
  }

  /// What a group's kernel sees at each position of each image, straight from the definition of a
  /// convolution.
  private func patches(
    of tensor: Tensor, _ images: Range<Int>, _ shape: Shape, _ group: Int
  ) -> [[Double]] {
    let (window, channels) = (shape.window, shape.input[0] / shape.groups)
    let (height, width) = (shape.input[1], shape.input[2])
    let outHeight =
      (height + window.padTop + window.padBottom
        - (window.kernelHeight - 1) * window.dilationHeight - 1) / window.strideHeight + 1
    let outWidth =
      (width + window.padLeft + window.padRight
        - (window.kernelWidth - 1) * window.dilationWidth - 1) / window.strideWidth + 1
    var result: [[Double]] = []
    for image in images {
      for y in 0..<outHeight {
        for x in 0..<outWidth {
          var patch: [Double] = []
          for channel in group * channels..<(group + 1) * channels {
            for ky in 0..<window.kernelHeight {
              for kx in 0..<window.kernelWidth {
                let row = y * window.strideHeight + ky * window.dilationHeight - window.padTop
                let column = x * window.strideWidth + kx * window.dilationWidth - window.padLeft
                let isInside = row >= 0 && row < height && column >= 0 && column < width
                let plane = (image * shape.input[0] + channel) * height
                patch.append(
                  isInside ? Double(tensor.values[(plane + row) * width + column]) : 0)
              }
            }
          }
          result.append(patch)
        }
      }
    }
    return result
  }
}
