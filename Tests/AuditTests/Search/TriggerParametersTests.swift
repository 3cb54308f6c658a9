import CupelAudit
import CupelSupport
import CupelTriggers
import Testing

@Suite struct TriggerParametersTests {
  private static let kinds = LearnedTrigger.Kind.allCases

  private func parameters(_ kind: LearnedTrigger.Kind) -> TriggerParameters {
    var generator = SeededGenerator(seed: 3)
    var made = TriggerParameters(
      kind, channels: 2, height: 6, width: 7, generator: &generator)
    // Somewhere where nothing is small by chance.
    for index in made.arrays.indices {
      for place in made.arrays[index].indices {
        made.arrays[index][place] += generator.uniform(-1, 1)
      }
    }
    return made
  }

  private func images(_ count: Int, _ parameters: TriggerParameters) -> [Float] {
    var generator = SeededGenerator(seed: 8)
    // Away from the ends, where an addition saturates. Ramps for a warp: bilinear sampling of anything
    // else has kinks.
    guard parameters.kind == .warp else {
      return (0..<count * parameters.size).map { _ in generator.uniform(0.2, 0.8) }
    }
    return (0..<count * 2).flatMap { _ in
      let (down, right) = (generator.uniform(-0.05, 0.05), generator.uniform(-0.05, 0.05))
      return (0..<parameters.plane).map {
        0.5 + down * Float($0 / 7) + right * Float($0 % 7)
      }
    }
  }

  /// Bytes stay as they are, but for the ends, from which nothing could be moved.
  @Test func beginsAsWhatWasFound() throws {
    let found = try LearnedTrigger(
      kind: .patch, channels: 2, height: 1, width: 3, mask: [0, 255, 100],
      pattern: [13, 60, 255, 0, 242, 128])
    let begun = try TriggerParameters(startingFrom: found).learned()
    #expect(begun.mask == [13, 242, 100])
    #expect(begun.pattern == [13, 60, 242, 13, 242, 128])
  }

  /// The derivative of Σ weight · painted along every parameter against central differences.
  @Test(arguments: kinds)
  func slopesAreDerivatives(kind: LearnedTrigger.Kind) {
    let start = parameters(kind)
    let images = images(3, start)
    var generator = SeededGenerator(seed: 5)
    let weights = images.map { _ in generator.uniform(-1, 1) }
    func loss(_ parameters: TriggerParameters) -> Double {
      zip(parameters.painted(images), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let slopes = start.slopes(images, gradient: weights)
    let step: Float = 1e-2
    for index in start.arrays.indices {
      for place in stride(from: 0, to: start.arrays[index].count, by: 3) {
        var (up, down) = (start, start)
        up.arrays[index][place] += step
        down.arrays[index][place] -= step
        let difference = (loss(up) - loss(down)) / Double(2 * step)
        let slope = Double(slopes[index][place])
        // Where a displacement meets the edge of the image within the step there is a kink.
        #expect(
          abs(difference - slope) <= (kind == .warp ? 6e-3 : 2e-3) * max(1, abs(difference)),
          "array \(index), place \(place): \(difference) and \(slope)")
      }
    }
  }

  /// The bytes do what the numbers do, to within the rounding of mask, pattern and pixel.
  @Test(arguments: kinds)
  func bytesDoTheSame(kind: LearnedTrigger.Kind) throws {
    let parameters = parameters(kind)
    var generator = SeededGenerator(seed: 1)
    var pixels = (0..<2 * parameters.size).map { _ in UInt8(generator.below(256)) }
    let painted = parameters.painted(pixels.map { Float($0) / 255 })
    try parameters.learned().apply(to: &pixels)
    // A displacement is rounded to 1/32 of a pixel: up to 1/64 · 255 · 2 of a step between neighbours.
    let tolerance: Float = kind == .warp ? 9 : 2.01
    for (byte, value) in zip(pixels, painted) {
      #expect(abs(Float(byte) - 255 * value) <= tolerance)
    }
  }

  /// Zero displacement leaves an image as it is, in numbers and in bytes.
  @Test func noDisplacementMovesNothing() throws {
    var still = parameters(.warp)
    for place in still.arrays[0].indices { still.arrays[0][place] = 0 }
    let images = images(1, still)
    #expect(still.painted(images) == images)
    var pixels = (0..<still.size).map { UInt8($0 * 3 % 256) }
    let before = pixels
    try still.learned().apply(to: &pixels)
    #expect(pixels == before)
  }

  @Test func aPatchHasNoOpacityOutsideItsMask() throws {
    var patch = parameters(.patch)
    patch.arrays[0] = (0..<patch.plane).map { $0 == 5 ? 30 : -30 }
    patch.arrays[1] = [Float](repeating: 30, count: patch.size)
    var pixels = [UInt8](repeating: 100, count: patch.size)
    try patch.learned().apply(to: &pixels)
    #expect(pixels.indices.filter { pixels[$0] == 255 } == [5, 5 + patch.plane])
    #expect(pixels.count { $0 == 100 } == patch.size - 2)
  }
}
