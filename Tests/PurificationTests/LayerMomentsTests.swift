import CupelFloatGraph
import CupelPurification
import CupelSupport
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

  private func weights(_ operation: FloatGraph.Operation) -> [Float] {
    operation.weighted?.weights ?? []
  }

  /// Moments from the definition, over columns q and f of one group and the rows that read them.
  private func check(
    _ moments: LayerMoments, _ weights: [Float], group: Int, q: [[Double]], f: [[Double]]
  ) {
    let columns = moments.columns
    let perGroup = moments.rows / moments.groups
    for row in 0..<columns {
      #expect(abs(Double(moments.inputMean[group * columns + row]) - mean(q) { $0[row] }) < 1e-5)
      for column in 0..<columns {
        let place = (group * columns + row) * columns + column
        #expect(abs(Double(moments.gram[place]) - mean(q) { $0[row] * $0[column] }) < 1e-5)
      }
    }
    for row in group * perGroup..<(group + 1) * perGroup {
      let y = f.map { patch in
        (0..<columns).reduce(0) { $0 + Double(weights[row * columns + $1]) * patch[$1] }
      }
      #expect(abs(Double(moments.energy[row]) - mean(y) { $0 * $0 }) < 1e-4)
      #expect(abs(Double(moments.outputMean[row]) - mean(y) { $0 }) < 1e-5)
      for column in 0..<columns {
        let expected = mean(Array(zip(y, q))) { $0.0 * $0.1[column] }
        #expect(abs(Double(moments.target[row * columns + column]) - expected) < 1e-4)
      }
    }
  }

  @Test(arguments: shapes) func convolutionsAgreeWithTheDefinition(shape: Shape) throws {
    let quantized = randomTensor(batch: 9, shape: shape.input, seed: 1)
    let float = randomTensor(batch: 9, shape: shape.input, seed: 2)
    let operation = operation(shape, seed: 3)
    let weights = weights(operation)
    for images in [0..<9, 0..<1, 4..<7] {
      let moments = try LayerMoments(
        operation: operation, weights: weights, quantized: quantized, float: float,
        images: images, threads: 2)
      #expect(moments.columns == weights.count / shape.outputs)
      #expect(moments.rows == shape.outputs)
      #expect(moments.groups == shape.groups)
      for group in 0..<shape.groups {
        let q = patches(of: quantized, images, shape, group)
        #expect(moments.count == q.count)
        check(
          moments, weights, group: group, q: q, f: patches(of: float, images, shape, group))
      }
    }
  }

  /// The energies are those of what the float layer gives, and the moments' error that of the layer
  /// with other weights: both by running the layer itself.
  @Test(arguments: [1, 2]) func transposeConvolutionsAgreeWithTheirOutputs(groups: Int) throws {
    let shape = [4, 3, 5]
    func layer(seed: UInt64) -> FloatGraph.Operation {
      let weights = randomTensor(batch: 1, shape: [6 * 4 / groups * 6], seed: seed).values
      return .transposeConvolution(
        .init(
          weights: weights, bias: nil, outputChannels: 6,
          window: .init(
            kernelHeight: 3, kernelWidth: 2, strideHeight: 2, strideWidth: 3, padTop: 1,
            padBottom: 1), groups: groups, outputPadHeight: 1))
    }
    let (operation, other) = (layer(seed: 3), layer(seed: 4))
    let quantized = randomTensor(batch: 7, shape: shape, seed: 1)
    let float = randomTensor(batch: 7, shape: shape, seed: 2)
    let moments = try LayerMoments(
      operation: operation, weights: weights(operation), quantized: quantized, float: float,
      images: 0..<7, threads: 2)
    let output = [6, 6, 14]
    let y = try FloatOperators.evaluate(
      operation, inputs: [float], outputShape: output, threads: 1)
    let found = try FloatOperators.evaluate(
      other, inputs: [quantized], outputShape: output, threads: 1)
    #expect((moments.rows, moments.groups, moments.count) == (6, groups, 7 * 84))
    let columns = moments.columns
    for row in 0..<6 {
      let places = (0..<7).flatMap { image in
        (0..<84).map { (image * 6 + row) * 84 + $0 }
      }
      #expect(abs(Double(moments.energy[row]) - mean(places) { square(y.values[$0]) }) < 1e-4)
      #expect(
        abs(Double(moments.outputMean[row]) - mean(places) { Double(y.values[$0]) }) < 1e-5)
      let own = weights(other)[row * columns..<(row + 1) * columns].map(Double.init)
      let start = row * groups / 6 * columns * columns
      var error = Double(moments.energy[row])
      for one in 0..<columns {
        error -= 2 * own[one] * Double(moments.target[row * columns + one])
        for two in 0..<columns {
          error += own[one] * own[two] * Double(moments.gram[start + one * columns + two])
        }
      }
      #expect(abs(error - mean(places) { square(found.values[$0] - y.values[$0]) }) < 1e-4)
    }
  }

  private func square(_ value: Float) -> Double { Double(value) * Double(value) }

  @Test func linearLayersAgreeWithTheDefinition() throws {
    let quantized = randomTensor(batch: 6, shape: [5], seed: 1)
    let float = randomTensor(batch: 6, shape: [5], seed: 2)
    let weights = randomTensor(batch: 1, shape: [15], seed: 3).values
    let linear = FloatGraph.Operation.linear(
      .init(weights: weights, bias: nil, outputFeatures: 3))
    for images in [0..<6, 2..<5] {
      let moments = try LayerMoments(
        operation: linear, weights: weights, quantized: quantized, float: float, images: images,
        threads: 1)
      func rows(_ tensor: Tensor) -> [[Double]] {
        images.map { image in (0..<5).map { Double(tensor.values[image * 5 + $0]) } }
      }
      check(moments, weights, group: 0, q: rows(quantized), f: rows(float))
    }
  }

  /// About their means, moments are those of activations from which the means were taken.
  @Test func centeredMomentsAreThoseAboutTheMeans() throws {
    let quantized = randomTensor(batch: 50, shape: [4], seed: 1, low: 1, high: 3)
    let float = randomTensor(batch: 50, shape: [4], seed: 2, low: -2, high: 5)
    let weights = randomTensor(batch: 1, shape: [8], seed: 3).values
    let linear = FloatGraph.Operation.linear(
      .init(weights: weights, bias: nil, outputFeatures: 2))
    func moments(_ q: Tensor, _ f: Tensor) throws -> LayerMoments {
      try LayerMoments(
        operation: linear, weights: weights, quantized: q, float: f, images: 0..<50, threads: 1)
    }
    func withoutMean(_ tensor: Tensor) -> Tensor {
      var result = tensor
      for column in 0..<4 {
        let mean = (0..<50).reduce(Float(0)) { $0 + tensor.values[$1 * 4 + column] } / 50
        for image in 0..<50 { result.values[image * 4 + column] -= mean }
      }
      return result
    }
    let centered = try moments(quantized, float).centered
    let expected = try moments(withoutMean(quantized), withoutMean(float))
    for key in [\LayerMoments.gram, \.target, \.energy] {
      for (a, b) in zip(centered[keyPath: key], expected[keyPath: key]) {
        #expect(abs(a - b) < 1e-4)
      }
    }
  }

  /// A run of each image's positions: the moments of just these.
  @Test func samplingTakesSomePositionsOfEachImage() throws {
    let shape = Self.shapes[1]
    let quantized = randomTensor(batch: 5, shape: shape.input, seed: 1)
    let float = randomTensor(batch: 5, shape: shape.input, seed: 2)
    let operation = operation(shape, seed: 3)
    let sampling = PositionSampling(most: 7, seed: 4)
    let moments = try LayerMoments(
      operation: operation, weights: weights(operation), quantized: quantized, float: float,
      images: 0..<5, sampling: sampling, threads: 2)
    func sampled(_ tensor: Tensor) -> [[Double]] {
      (0..<5).flatMap { image in
        sampling.positions(ofImage: image, of: 36).map {
          patches(of: tensor, image..<image + 1, shape, 0)[$0]
        }
      }
    }
    check(moments, weights(operation), group: 0, q: sampled(quantized), f: sampled(float))
  }

  /// Over many images every position is drawn about as often.
  @Test func samplingIsEven() {
    let sampling = PositionSampling(most: 5, seed: 1)
    var counts = [Int](repeating: 0, count: 13)
    for image in 0..<3000 {
      let positions = sampling.positions(ofImage: image, of: 13)
      #expect(positions.count <= 5)
      for position in positions { counts[position] += 1 }
    }
    // Three runs tile 13 positions: each is drawn 1,000 times, give or take 4.5 deviations of 26.
    #expect(counts.allSatisfy { (880...1120).contains($0) }, "\(counts)")
    #expect(PositionSampling.all.positions(ofImage: 3, of: 13) == 0..<13)
  }

  @Test func threadsChangeNothing() throws {
    let shape = Self.shapes[2]
    let quantized = randomTensor(batch: 9, shape: shape.input, seed: 1)
    let operation = operation(shape, seed: 3)
    func moments(_ threads: Int) throws -> LayerMoments {
      try LayerMoments(
        operation: operation, weights: weights(operation), quantized: quantized, float: quantized,
        images: 0..<9, threads: threads)
    }
    let one = try moments(1)
    for threads in [2, 5] {
      let many = try moments(threads)
      #expect(many.gram == one.gram)
      #expect(many.target == one.target)
      #expect(many.energy == one.energy)
    }
  }

  @Test func aLayerThatDoesNotFitIsRefused() {
    let tensor = randomTensor(batch: 1, shape: [2, 4, 4], seed: 1)
    #expect(throws: FloatGraphError.self) {
      try LayerMoments(
        operation: operation(Self.shapes[0], seed: 1), weights: [0, 0, 0, 0, 0, 0],
        quantized: tensor, float: tensor, images: 0..<1, threads: 1)
    }
  }

  private func mean<Element>(_ elements: [Element], _ value: (Element) -> Double) -> Double {
    elements.reduce(0) { $0 + value($1) } / Double(elements.count)
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
