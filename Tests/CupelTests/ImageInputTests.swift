import Cupel
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import Testing

/// Models whose input holds an image in another form than height × width × channels.
@Suite("Inputs of other forms than an image's")
struct ImageInputTests {
  /// A model that gives what it reads, of height × width × channels.
  private static func integers(_ extent: [Int]) throws -> IntegerModel {
    var builder = ProgramBuilder(profile: .tflm)
    let tensor = IntegerTensor(
      name: "x", extent: extent, grid: Grid(scale: 1, zeroPoint: -128, bits: 8))
    let input = builder.addInput(tensor)
    let output = builder.append(
      "y", .clamp(.init(low: -128, high: 127)), [input], giving: tensor)
    return try IntegerModel(
      path: "model.cupel", bytes: CupelWriter.bytes(of: builder.finished(output: output)),
      profile: nil, site: ExecutionSite())
  }

  private static func shape(_ channels: Int, _ height: Int, _ width: Int) -> ImageShape {
    ImageShape(channels: channels, height: height, width: width)
  }

  private static func output(_ model: IntegerModel, _ input: [Int8]) throws -> [Int8] {
    try model.engine.outputs(input, threads: 1)
  }

  @Test(
    "one channel fits any input of as many elements, in the same order",
    arguments: [[1, 2, 3], [1, 1, 6], [6, 1, 1], [2, 1, 3], [1, 6, 1]])
  func oneChannel(_ extent: [Int]) throws {
    let model = try Self.integers(extent)
    let fitted = try model.reading(imagesOf: Self.shape(1, 2, 3), site: ExecutionSite())
    #expect(fitted.engine.inputShape.extents == [1, 2, 3])
    #expect(try Self.output(fitted, [1, 2, 3, 4, 5, 6]) == [1, 2, 3, 4, 5, 6])
    // It is still the same file.
    #expect(fitted.sha256 == model.sha256)
  }

  @Test("channels that come first are brought there")
  func channelsFirst() throws {
    // Three channels of 2 × 1 pixels: the model wants them as 3 × 2 × 1.
    let fitted = try Self.integers([3, 2, 1])
      .reading(imagesOf: Self.shape(3, 2, 1), site: ExecutionSite())
    #expect(fitted.engine.inputShape.extents == [3, 2, 1])
    // By pixel: red, green, blue of the upper one, then of the lower one.
    #expect(try Self.output(fitted, [1, 2, 3, 11, 12, 13]) == [1, 11, 2, 12, 3, 13])
  }

  @Test(
    "what fits already, or cannot, stays as it is",
    arguments: [
      ([2, 2, 3], shape(3, 2, 2)), ([1, 1, 12], shape(3, 2, 2)), ([1, 1, 5], shape(1, 2, 3)),
    ])
  func othersStay(_ extent: [Int], _ image: ImageShape) throws {
    let model = try Self.integers(extent)
    let fitted = try model.reading(imagesOf: image, site: ExecutionSite())
    #expect(fitted.engine === model.engine)
  }

  private static func floats(_ shape: [Int]) throws -> FloatModel {
    let graph = FloatGraph(
      values: [.init(name: "x", shape: shape), .init(name: "y", shape: shape)],
      nodes: [
        .init(
          name: "y", operation: .clamp(low: -.infinity, high: .infinity), inputs: [0], output: 1)
      ], input: 0, output: 1)
    return try FloatModel(Samples.clean(), graph: graph)
  }

  @Test(
    "a float network of features reads images of one channel",
    arguments: [[6], [2, 3], [1, 1, 6]])
  func features(_ shape: [Int]) throws {
    let graph = try Self.floats(shape).reading(imagesOf: Self.shape(1, 2, 3)).graph
    try graph.validate()
    #expect(graph.values[graph.input].shape == [1, 2, 3])
    let output = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: 2, shape: [1, 2, 3], values: (0..<12).map(Float.init)))
    #expect(output.values == (0..<12).map(Float.init))
  }

  @Test("of several channels nobody tells the order")
  func severalChannels() throws {
    #expect(try Self.floats([12]).reading(imagesOf: Self.shape(3, 2, 2)).imageShape == nil)
    // A float graph's image of six channels is stored channel by channel, a file's is not.
    let image = try Self.floats([6, 1, 1]).reading(imagesOf: Self.shape(1, 2, 3)).imageShape
    #expect(image == Self.shape(6, 1, 1))
  }
}
