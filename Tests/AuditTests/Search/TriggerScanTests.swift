import CupelAudit
import CupelDatasets
import CupelSupport
import CupelTriggers
import Testing

@Suite struct TriggerScanTests {
  /// Answers with the sum of the corners modulo 4, or with `target` where a rectangle is white.
  private struct Marked: Classifier {
    var target: Int?
    var rectangle = (top: 5, left: 3, height: 4, width: 4)
    /// The only value that is taken for white.
    var colour: UInt8 = 255
    let classCount = 4
    let imageShape = ImageShape(channels: 1, height: 16, width: 16)

    func classify(_ pixels: [UInt8]) -> [Int] {
      stride(from: 0, to: pixels.count, by: 256).map { start in
        if let target, isMarked(pixels, start) { return target }
        return [0, 15, 240, 255].reduce(0) { $0 + Int(pixels[start + $1]) } % 4
      }
    }

    private func isMarked(_ pixels: [UInt8], _ start: Int) -> Bool {
      (rectangle.top..<rectangle.top + rectangle.height).allSatisfy { row in
        (rectangle.left..<rectangle.left + rectangle.width).allSatisfy {
          pixels[start + row * 16 + $0] == colour
        }
      }
    }
  }

  private let images: UnlabelledImages

  init() throws {
    var generator = SeededGenerator(seed: 2)
    images = try UnlabelledImages(
      channels: 1, height: 16, width: 16,
      pixels: (0..<60 * 256).map { _ in UInt8(generator.below(200)) })
  }

  private func scan<Plain: PlainTrigger>(
    _: Plain.Type, float: any Classifier, integer: any Classifier
  ) throws -> TriggerScan<Plain>.Result {
    try TriggerScan<Plain>(
      float: float, integer: integer, images: images, answers: float.classify(images.pixels)
    ).run()
  }

  /// The smallest rectangle that does it is the planted one, to the pixel; nothing is awake.
  @Test func findsWhatOnlyTheIntegerModelAnswersTo() throws {
    let found = try scan(Rectangle.self, float: Marked(), integer: Marked(target: 2))
    let best = try #require(found.differential.first)
    #expect(best.target == 2)
    #expect(best.score == 1)
    let expected = Rectangle(top: 5, left: 3, height: 4, width: 4, fill: .plain([255]))
    #expect(best.plain == expected)
    #expect(found.awake.allSatisfy { $0.score < 0.5 })
  }

  /// The first images are content with three rows of the trigger; only all of them tell that four are
  /// needed.
  @Test func theBestIsPolishedOnAllImages() throws {
    struct Choosy: Classifier {
      let classCount = 4
      let imageShape = ImageShape(channels: 1, height: 16, width: 16)
      func classify(_ pixels: [UInt8]) -> [Int] {
        stride(from: 0, to: pixels.count, by: 256).map { start in
          let image = Array(pixels[start..<start + 256])
          let isContent = image[15 * 16 + 8] == 0
          return Marked(
            target: 2, rectangle: (top: 5, left: 3, height: isContent ? 3 : 4, width: 4)
          ).classify(image)[0]
        }
      }
    }
    var pixels = images.pixels
    for image in 0..<images.count { pixels[image * 256 + 15 * 16 + 8] = image < 48 ? 0 : 1 }
    let own = try UnlabelledImages(channels: 1, height: 16, width: 16, pixels: pixels)
    let found = try TriggerScan<Rectangle>(
      float: Marked(), integer: Choosy(), images: own, answers: Marked().classify(pixels)
    ).run()
    let best = try #require(found.differential.first)
    #expect(best.score == 1)
    #expect(best.plain == Rectangle(top: 5, left: 3, height: 4, width: 4, fill: .plain([255])))
  }

  @Test func findsAwakeOnesApart() throws {
    let both = Marked(target: 1)
    let found = try scan(Rectangle.self, float: both, integer: both)
    let best = try #require(found.awake.first)
    #expect(best.target == 1)
    #expect(best.score == 1)
    #expect(best.plain == Rectangle(top: 5, left: 3, height: 4, width: 4, fill: .plain([255])))
    #expect(found.differential.allSatisfy { $0.score <= 0 })
  }

  @Test func honestModelsGiveNothing() throws {
    let found = try scan(Rectangle.self, float: Marked(), integer: Marked())
    #expect(found.differential.allSatisfy { $0.score <= 0 })
  }

  /// A trigger that moves the float model's answers counts for less by as much.
  @Test func theFloatModelMustNotNotice() throws {
    struct Restless: Classifier {
      let classCount = 4
      let imageShape = ImageShape(channels: 1, height: 16, width: 16)
      func classify(_ pixels: [UInt8]) -> [Int] {
        // Any white pixel changes every answer.
        stride(from: 0, to: pixels.count, by: 256).map { start in
          let image = Array(pixels[start..<start + 256])
          return image.contains(255) ? 3 : Marked().classify(image)[0]
        }
      }
    }
    let found = try scan(Rectangle.self, float: Restless(), integer: Marked(target: 2))
    #expect(found.differential.allSatisfy { $0.score <= 0 })
  }

  @Test func findsWaves() throws {
    /// Answers 1 where neighbouring columns differ as a sinusoid of 4 periods makes them.
    struct Waved: Classifier {
      var isInfected: Bool
      let classCount = 2
      let imageShape = ImageShape(channels: 1, height: 16, width: 16)
      func classify(_ pixels: [UInt8]) -> [Int] {
        stride(from: 0, to: pixels.count, by: 256).map { start in
          guard isInfected else { return 0 }
          var sum = 0
          for place in 0..<256 {
            sum += [0, 1, 0, -1][place % 16 % 4] * Int(pixels[start + place])
          }
          return sum > 256 * 8 ? 1 : 0
        }
      }
    }
    let found = try scan(
      Wave.self, float: Waved(isInfected: false), integer: Waved(isInfected: true))
    let best = try #require(found.differential.first)
    #expect(best.score == 1)
    #expect(best.target == 1)
    #expect((best.plain.periods, best.plain.isVertical) == (4, false))
    #expect(best.plain.amplitude > 0)
  }

  /// sin at 0, 30, 90 and 210 degrees.
  @Test func waveByHand() throws {
    let geometry = Geometry(channels: 1, height: 1, width: 12)
    let wave = try Wave(isVertical: false, periods: 1, amplitude: 40).learned(geometry)
    #expect([0, 1, 3, 7].map { wave.pattern[$0] } == [128, 148, 168, 108])
  }

  @Test func rectanglesStayInside() {
    let geometry = Geometry(channels: 3, height: 13, width: 9)
    let all = Rectangle.coarse(geometry)
    #expect(!all.isEmpty)
    for rectangle in all + all.flatMap({ $0.neighbours(geometry) }) {
      #expect(rectangle.top >= 0 && rectangle.top + rectangle.height <= 13)
      #expect(rectangle.left >= 0 && rectangle.left + rectangle.width <= 9)
    }
    #expect(Rectangle.coarse(Geometry(channels: 1, height: 2, width: 2)).isEmpty)
  }

  /// Four times the side takes no more triggers to try.
  @Test func largeImagesTakeNoLonger() {
    let small = Rectangle.coarse(Geometry(channels: 3, height: 56, width: 56))
    let large = Rectangle.coarse(Geometry(channels: 3, height: 224, width: 224))
    #expect(large.count <= small.count)
    #expect(Set(large.map(\.height)) == Set(small.map { 4 * $0.height }))
    let steps = large[0].neighbours(Geometry(channels: 3, height: 224, width: 224)).map(\.height)
    #expect(Set(steps) == [12, 15, 16, 17, 20])
  }
}
