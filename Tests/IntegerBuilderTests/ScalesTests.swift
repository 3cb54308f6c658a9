import CupelFixedPoint
import CupelIntegerBuilder
import CupelModelWriter
import Testing

@Suite("Scales of operations")
struct ScalesTests {
  private let builder = ProgramBuilder(profile: .tflm)
  private let bounds = Bounds(low: -5, high: 9)

  @Test("a rescale from one grid to another")
  func rescale() throws {
    // 0.75 / 0.5 = 1.5 = 0.75 · 2
    let scale = try builder.rescale(
      from: Grid(scale: 0.75, zeroPoint: 3, bits: 8), to: Grid(scale: 0.5, zeroPoint: 0, bits: 8),
      within: bounds)
    #expect(
      scale
        == .init(
          ratio: 1.5, multiplier: 3 << 29, shift: 1, rounding: .doubleRounding, low: -5, high: 9))
  }

  @Test("to fewer bits a rescale rounds once, and is bounded by the smaller grid")
  func narrowing() throws {
    let scale = try builder.rescale(
      from: Grid(scale: 1, zeroPoint: 0, bits: 8), to: Grid(scale: 16, zeroPoint: 0, bits: 4))
    #expect(scale.rounding == .singleRounding)
    #expect((scale.low, scale.high) == (-8, 7))
    #expect((scale.multiplier, scale.shift) == (1 << 30, -3))
  }

  @Test("a ratio of 2³⁰ has no multiplier")
  func tooLarge() {
    let (coarse, fine) = (
      Grid(scale: 0x1p20, zeroPoint: 0, bits: 8), Grid(scale: 0x1p-10, zeroPoint: 0, bits: 8)
    )
    #expect(throws: BuildError.ratio(0x1p30, channel: nil)) {
      try builder.rescale(from: coarse, to: fine)
    }
    #expect(throws: BuildError.ratio(0x1p30, channel: 4)) {
      try ChannelScale(weightScale: 1, channel: 4, from: coarse, to: fine)
    }
  }

  @Test("a mean of 49 elements, its multiplier exact, and divided in integers")
  func mean() throws {
    let from = Grid(scale: 1, zeroPoint: 0, bits: 8)
    let exact = try builder.rescale(meanOf: 49, from: from, to: from, within: bounds)
    // 1/49 = 64/49 / 64: ⅟₂ · 64/49 · 2³¹ = 1402438300.7
    #expect((exact.multiplier, exact.shift, exact.ratio) == (1_402_438_301, -5, 1 / 49))
    // 2³⁰ with five bits more over 49 is 701219150.4, cut off.
    let divided = try builder.rescale(
      meanOf: 49, from: from, to: from, within: bounds, division: .ofMultiplier)
    #expect((divided.multiplier, divided.shift, divided.ratio) == (701_219_150, -4, 1 / 49))
  }

  @Test("a divided multiplier takes no more bits than its shift has room for")
  func tinyMean() {
    // 2⁻³¹ is 2³⁰ · 2^(−30 − 31): one more bit and no further.
    let parts = Multiplier(0x1p-31, dividedBy: 1 << 20)
    #expect(parts?.shift == -31 && parts?.value == 1 << 11)
    #expect(Multiplier(0x1p40, dividedBy: 4) == nil)
  }

  @Test("a sum: both inputs at twice the larger scale, 20 bits up")
  func sum() throws {
    let sum = try IntegerOperation.Add(0.5, 0.125, output: 0.25, within: bounds)
    // ½, ⅛ and 2⁻¹⁸.
    #expect(sum.multipliers == [1 << 30, 1 << 30] && sum.shifts == [0, -2])
    #expect(sum.outputMultiplier == 1 << 30 && sum.outputShift == -17)
    #expect((sum.low, sum.high) == (-5, 9))
    #expect(throws: BuildError.sumRatio(0x1p21)) {
      try IntegerOperation.Add(0x1p10, 1, output: 0x1p-10, within: bounds)
    }
  }

  @Test("a layer's channels")
  func weighted() throws {
    var builder = ProgramBuilder(profile: .litertReference)
    let input = builder.addInput(
      IntegerTensor(
        name: "x", extent: [1, 1, 2], grid: Grid(scale: 0.5, zeroPoint: 7, bits: 8)))
    let output = Grid(scale: 2, zeroPoint: 0, bits: 8)
    let layer = try builder.weighted(
      [1, 2, 3, 4], bits: 8, bias: [5, 6], scales: [0.5, -0.25], from: input, to: output,
      within: output.whole, isFullyConnected: true)
    // ⅛ and −1⁄16.
    #expect(layer.scales.map(\.multiplier) == [1 << 30, -(1 << 30)])
    #expect(layer.scales.map(\.shift) == [-2, -3])
    #expect(layer.scales.map(\.weightScale) == [0.5, -0.25])
    #expect(layer.rounding == .float64HalfAway)
    #expect((layer.low, layer.high) == (-128, 127))
  }

  @Test("factors to Q5.26 are shifted left by up to 31")
  func q26() {
    // 2⁻³ · 2²⁶ = 2²³ = ½ · 2²⁴
    #expect(Multiplier(toQ26: 0.125).map { [$0.value, $0.shift] } == [1 << 30, 24])
    // Limited to 2³¹ − 1.
    #expect(Multiplier(toQ26: 1000).map { [$0.value, $0.shift] } == [.max, 31])
    for scale in [0, -1, .nan] { #expect(Multiplier(toQ26: scale) == nil) }
  }
}
