import CupelDatasets
import CupelHostRuntime
import Testing

@Suite struct InputQuantizerTests {
  /// One channel, every pixel value, against numbers worked by hand: p · 1/255 is 0 to 1, the
  /// scale 1/255 makes it p again, the zero point −128 moves it to −128 to 127.
  @Test func theCommonGridKeepsEveryValue() throws {
    let quantizer = try InputQuantizer(
      preprocessing: Preprocessing(mean: [0], std: [1]), scale: 1.0 / 255, zeroPoint: -128,
      bits: 8, shape: ImageShape(channels: 1, height: 16, width: 16))
    let integers = try quantizer.quantize([UInt8](0...255))
    #expect(integers == (0...255).map { Int8($0 - 128) })
  }

  /// Halves go to the even neighbour, on both sides of zero; beyond the grid values saturate.
  @Test func tiesGoToEvenAndTheEndsSaturate() throws {
    // Real values −5 to 250 in steps of 1, halved: −2.5, −2, −1.5, …
    let quantizer = try InputQuantizer(
      preprocessing: Preprocessing(scale: 1, mean: [5], std: [1]), scale: 2, zeroPoint: 0, bits: 8,
      shape: ImageShape(channels: 1, height: 1, width: 1))
    #expect(
      try quantizer.quantize([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) == [
        -2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2,
      ])
    #expect(try quantizer.quantize([255]) == [125])
    let narrow = try InputQuantizer(
      preprocessing: Preprocessing(scale: 1, mean: [128], std: [1]), scale: 4, zeroPoint: 3,
      bits: 4, shape: ImageShape(channels: 1, height: 1, width: 1))
    // (0 − 128) / 4 + 3 is far below −8; (128 − 128) / 4 + 3 is 3; 144 gives 7, 148 would give 8.
    #expect(try narrow.quantize([0, 84, 88, 128, 144, 148, 255]) == [-8, -8, -7, 3, 7, 7, 7])
  }

  /// Every pixel value of every channel against the formula, in double where float32 is not close
  /// to a tie; each channel has its own mean and deviation.
  @Test(arguments: [
    (Float(0.0078), -7, 8), (0.021, 0, 8), (0.3, 2, 4), (1.7e-3, 127, 8), (5, -8, 4),
  ])
  func agreesWithTheFormula(_ scale: Float, _ zeroPoint: Int, _ bits: Int) throws {
    let preprocessing = Preprocessing(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    let quantizer = try InputQuantizer(
      preprocessing: preprocessing, scale: scale, zeroPoint: zeroPoint, bits: bits,
      shape: ImageShape(channels: 3, height: 16, width: 16))
    let pixels = (0..<3).flatMap { _ in (0...255).map { UInt8($0) } }
    let integers = try quantizer.quantize(pixels)
    let lowest = -Double(1 << (bits - 1))
    for pixel in 0...255 {
      for channel in 0..<3 {
        let real = (Double(pixel) / 255 - preprocessing.mean[channel]) / preprocessing.std[channel]
        let exact = real / Double(scale)
        let rounded = exact.rounded(.toNearestOrEven) + Double(zeroPoint)
        let expected = min(max(rounded, lowest), -lowest - 1)
        let got = Double(integers[pixel * 3 + channel])
        let toTie = abs(abs(exact - exact.rounded(.down)) - 0.5)
        #expect(got == expected || (toTie < 1e-3 && abs(got - expected) <= 1))
      }
    }
  }

  /// [N][C][H][W] becomes [N][H][W][C].
  @Test func channelsComeLast() throws {
    let quantizer = try InputQuantizer(
      preprocessing: Preprocessing(scale: 1, mean: [0], std: [1]), scale: 1, zeroPoint: 0, bits: 8,
      shape: ImageShape(channels: 2, height: 2, width: 3))
    // Channel c, row y, column x of image n has the value 40n + 20c + 10y + x.
    func value(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Int { 40 * n + 20 * c + 10 * y + x }
    var pixels: [UInt8] = []
    var expected: [Int8] = []
    for n in 0..<2 {
      for c in 0..<2 {
        for y in 0..<2 { for x in 0..<3 { pixels.append(UInt8(value(n, c, y, x))) } }
      }
      for y in 0..<2 {
        for x in 0..<3 { for c in 0..<2 { expected.append(Int8(value(n, c, y, x))) } }
      }
    }
    #expect(try quantizer.quantize(pixels) == expected)
    #expect(try quantizer.quantize([]) == [])
  }

  /// The smallest scale that a file may carry: dividing by it overflows, and saturates.
  @Test func aTinyScaleSaturates() throws {
    let quantizer = try InputQuantizer(
      preprocessing: Preprocessing(mean: [0.5], std: [1]), scale: .leastNonzeroMagnitude,
      zeroPoint: 0, bits: 8, shape: ImageShape(channels: 1, height: 1, width: 1))
    #expect(try quantizer.quantize([0, 255]) == [-128, 127])
    let zero = try InputQuantizer(
      preprocessing: Preprocessing(mean: [0], std: [1]), scale: .leastNonzeroMagnitude,
      zeroPoint: 5, bits: 8, shape: ImageShape(channels: 1, height: 1, width: 1))
    #expect(try zero.quantize([0, 1]) == [5, 127])
  }

  @Test func preprocessingForOtherImagesIsRefused() {
    for wrong in [
      Preprocessing(mean: [], std: [1]), Preprocessing(mean: [0, 0], std: [1]),
      Preprocessing(mean: [0], std: [0]), Preprocessing(mean: [.nan], std: [1]),
    ] {
      #expect(throws: PreprocessingError.self) {
        try InputQuantizer(
          preprocessing: wrong, scale: 1, zeroPoint: 0, bits: 8,
          shape: ImageShape(channels: 3, height: 2, width: 2))
      }
    }
  }

  @Test("a grid or a shape that no input has is refused")
  func impossibleInputs() {
    let preprocessing = Preprocessing(mean: [0], std: [1])
    func make(_ scale: Float, _ zeroPoint: Int, _ bits: Int, height: Int, width: Int) throws {
      _ = try InputQuantizer(
        preprocessing: preprocessing, scale: scale, zeroPoint: zeroPoint, bits: bits,
        shape: ImageShape(channels: 1, height: height, width: width))
    }
    for scale in [0, -1, .nan, .infinity] as [Float] {
      #expect(throws: PreprocessingError.self) { try make(scale, 0, 8, height: 2, width: 2) }
    }
    for (zeroPoint, bits) in [(128, 8), (-129, 8), (8, 4), (0, 0), (0, 64), (.max, 8)] {
      #expect(throws: PreprocessingError.self) {
        try make(1, zeroPoint, bits, height: 2, width: 2)
      }
    }
    for (height, width) in [(0, 2), (-2, 2), (2, 0), (.max, .max)] {
      #expect(throws: PreprocessingError.self) {
        try make(1, 0, 8, height: height, width: width)
      }
    }
  }

  @Test("pixels that are no whole images are refused")
  func partialImages() throws {
    let quantizer = try InputQuantizer(
      preprocessing: Preprocessing(mean: [0], std: [1]), scale: 1, zeroPoint: 0, bits: 8,
      shape: ImageShape(channels: 3, height: 2, width: 2))
    for count in [1, 11, 13] {
      #expect(throws: PreprocessingError.self) {
        try quantizer.quantize([UInt8](repeating: 0, count: count))
      }
    }
  }
}
