import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import Testing

@Suite struct WideWeightsTests {
  /// Every value is the sum of its parts, in as few parts as there can be for all.
  @Test(arguments: [
    (-128, 127, 1), (-129, 127, 2), (0, 254, 2), (-256, 0, 2), (0, 255, 3), (-384, 381, 3),
  ])
  func partsAddUp(_ low: Int, _ high: Int, _ count: Int) {
    let values = (low...high).map { Int16($0) }
    let wide = WideWeights(values)
    #expect(wide.parts.count == count)
    for (index, value) in values.enumerated() {
      #expect(wide.parts.reduce(0) { $0 + Int16($1[index]) } == value)
    }
  }

  /// A pixel of two channels a, b is read as a, a, b, b, and weights lie accordingly.
  @Test func aLayerReadsEveryChannelTwice() throws {
    var builder = ProgramBuilder(profile: .tflm)
    let grid = Grid(scale: 1, zeroPoint: 0, bits: 8)
    let input = builder.addInput(IntegerTensor(name: "x", extent: [1, 1, 2], grid: grid))
    let wide = WideWeights([200, -3, 5, -250])
    let weighted = try builder.weighted(
      wide.first, bits: 8, bias: [0, 0], scales: [1, 1], from: input, to: grid,
      within: grid.whole)
    let layer = builder.layer(
      .fullyConnected(.init(weighted)), wide, from: input, named: "twice")
    #expect(builder[layer.input].extent == [1, 1, 4])
    #expect(
      builder.program.operations.map { "\($0.kind.name)" } == ["reshape", "concatenate", "reshape"])
    #expect(layer.kind.weights?.weights == [127, 73, -3, 0, 5, 0, -128, -122])
  }

  /// A depthwise layer, whose weights lie tap by tap, becomes one of groups, channel by channel.
  @Test func aDepthwiseLayerBecomesGroups() throws {
    var builder = ProgramBuilder(profile: .tflm)
    let grid = Grid(scale: 1, zeroPoint: 0, bits: 8)
    let input = builder.addInput(IntegerTensor(name: "x", extent: [1, 2, 2], grid: grid))
    let wide = WideWeights([1, 2, 203, 4])
    let weighted = try builder.weighted(
      wide.first, bits: 8, bias: [0, 0], scales: [1, 1], from: input, to: grid,
      within: grid.whole)
    let window = IntegerOperation.Window(kernelHeight: 1, kernelWidth: 2)
    let layer = builder.layer(
      .depthwiseConvolution(.init(window, weighted)), wide, from: input, named: "twice")
    guard case .convolution(let own) = layer.kind else {
      Issue.record("\(layer.kind)")
      return
    }
    #expect(own.groups == 2 && own.window == window)
    #expect(own.weights.weights == [1, 0, 127, 76, 2, 0, 4, 0])
  }
}
