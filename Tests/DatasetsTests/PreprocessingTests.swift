import CCupelZlib
import CupelDatasets
import Foundation
import Testing

@Suite("Preprocessing")
struct PreprocessingTests {
  /// Bit patterns of entries 0, 1, 77, 128, 254 and 255 and the CRC-32 of all 256 little-endian
  /// entries, by NumPy 2.4.6 in float32: (arange(256) * scale - mean) / std.
  private static let numpyTables:
    [(scale: Double, mean: Double, std: Double, bits: [UInt32], checksum: UInt)] = [
      (
        1.0 / 255, 0.286, 0.353,
        [0xBF4F_6929, 0xBF4C_911B, 0x3D39_3308, 0x3F1C_9E13, 0x4000_BD4C, 0x4001_734F],
        0x5A96_C818
      ),
      (
        1.0 / 255, 0.4914, 0.247,
        [0xBFFE_A713, 0xBFFC_9ED3, 0xBF44_5784, 0x3D2F_2140, 0x4002_C453, 0x4003_C873],
        0x0032_05A8
      ),
      (
        1.0 / 255, 0.4465, 0.2616,
        [0xBFDA_7891, 0xBFD8_8D5A, 0xBF0D_71F2, 0x3E59_1825, 0x4006_7416, 0x4007_69B1],
        0x49C9_5A50
      ),
      (
        1.0, 127.5, 64.0,
        [0xBFFF_0000, 0xBFFD_0000, 0xBF4A_0000, 0x3C00_0000, 0x3FFD_0000, 0x3FFF_0000],
        0x9FC8_5CEE
      ),
    ]

  @Test("tables are as NumPy computes them in float32", arguments: numpyTables)
  func tables(scale: Double, mean: Double, std: Double, bits: [UInt32], checksum: UInt) {
    let preprocessing = Preprocessing(scale: scale, mean: [mean], std: [std])
    let table = preprocessing.table(channel: 0)
    #expect(table.count == 256)
    #expect([0, 1, 77, 128, 254, 255].map { table[$0].bitPattern } == bits)
    let bytes = table.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
    #expect(crc32(0, bytes, UInt32(bytes.count)) == checksum)
  }

  @Test("each channel of each image has its own mean and std")
  func channels() {
    // Powers of two keep every step exact.
    let preprocessing = Preprocessing(scale: 0.5, mean: [0, 1, 2], std: [1, 2, 4])
    let pixels: [UInt8] = [0, 2, 0, 2, 0, 2, 4, 6, 4, 6, 4, 6]
    let values = preprocessing.normalize(pixels, channels: 3, height: 1, width: 2)
    #expect(values == [0, 1, -0.5, 0, -0.5, -0.25, 2, 3, 0.5, 1, 0, 0.25])
    let alike = Preprocessing(scale: 1, mean: [1], std: [2])
    #expect(alike.normalize([1, 3, 5], channels: 3, height: 1, width: 1) == [0, 1, 2])
    #expect(alike.normalize([], channels: 3, height: 1, width: 1) == [])
  }

  @Test("an image set is normalized with its own size")
  func images() throws {
    let images = try UnlabelledImages(
      channels: 2, height: 1, width: 2, pixels: [1, 2, 3, 4, 5, 6, 7, 8])
    let preprocessing = Preprocessing(scale: 1, mean: [0, 1], std: [1])
    #expect(try preprocessing.normalized(images) == [1, 2, 2, 3, 5, 6, 6, 7])
  }

  @Test("images with other channels are refused, not read past the means that there are")
  func otherChannels() throws {
    let images = try UnlabelledImages(channels: 3, height: 1, width: 1, pixels: [1, 2, 3])
    for mean in [[], [0, 1], [0, 1, 2, 3]] as [[Double]] {
      #expect(throws: PreprocessingError.self) {
        try Preprocessing(mean: mean, std: [1]).normalized(images)
      }
    }
  }

  @Test("what would give no finite numbers is refused")
  func check() throws {
    try Preprocessing(mean: [0.5], std: [0.2]).check(channels: 3)
    try Preprocessing(mean: [0.5, 0.4, 0.3], std: [0.2]).check(channels: 3)
    let wrong: [(scale: Double, mean: [Double], std: [Double])] = [
      (1, [], [1]), (1, [0], []), (1, [0, 0], [1]), (1, [0], [1, 1]), (1, [0], [0]),
      (1, [0], [-1]), (1, [0], [.nan]), (1, [0], [.infinity]), (1, [.nan], [1]),
      (1, [.infinity], [1]), (0, [0], [1]), (-1, [0], [1]), (.nan, [0], [1]),
      // Too large for float32, and too small.
      (1e300, [0], [1]), (1, [1e39], [1]), (1, [0], [1e-60]), (1, [0], [1e-38]),
    ]
    for (scale, mean, std) in wrong {
      let preprocessing = Preprocessing(scale: scale, mean: mean, std: std)
      #expect(throws: PreprocessingError.self) { try preprocessing.check(channels: 3) }
    }
    let error = #expect(throws: PreprocessingError.self) {
      try Preprocessing(mean: [0, 0], std: [1]).check(channels: 1)
    }
    #expect(error?.description == "preprocessing: mean has 2 values for images with 1 channel")
    #expect(throws: PreprocessingError.self) {
      try Preprocessing(mean: [0], std: [1]).check(channels: 0)
    }
  }

  private func decode(_ text: String) throws -> Preprocessing {
    try JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8))
  }

  @Test("JSON is read, with a scale of 1/255 unless it says otherwise")
  func json() throws {
    let short = try decode(#"{"mean": [0.286], "std": [0.353], "layout": "NCHW"}"#)
    #expect(short == Preprocessing(scale: 1.0 / 255, mean: [0.286], std: [0.353]))
    let long = try decode(#"{"scale": 1, "mean": [1, 2, 3], "std": [4, 5, 6]}"#)
    #expect(long == Preprocessing(scale: 1, mean: [1, 2, 3], std: [4, 5, 6]))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(long), as: UTF8.self)
        == #"{"layout":"NCHW","mean":[1,2,3],"scale":1,"std":[4,5,6]}"#)
  }

  @Test("another layout is refused by its name, and mean and std are never guessed")
  func badJSON() throws {
    let error = try #require(throws: DecodingError.self) {
      _ = try decode(#"{"mean": [0], "std": [1], "layout": "NHWC"}"#)
    }
    guard case .dataCorrupted(let context) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(context.debugDescription == "the layout \"NHWC\" is unknown; NCHW is the only one")
    for text in [#"{"std": [1]}"#, #"{"mean": [0]}"#, #"{"mean": 0, "std": [1]}"#] {
      #expect(throws: DecodingError.self) { _ = try decode(text) }
    }
  }
}
