import CupelAudit
import CupelDatasets
import CupelSupport
import CupelTriggers
import Synchronization
import Testing

@Suite struct KnownTriggerAuditTests {
  /// One white pixel in the last corner: too small to change which quarter is brightest.
  private let corner = "patch:1x1@bottom-right:white"

  private func audit(
    _ images: ImageSet, trigger: String? = nil, target: Int = 2
  ) throws -> KnownTriggerAudit {
    KnownTriggerAudit(images: images, trigger: try Trigger(trigger ?? corner), target: target)
  }

  @Test func aHostileModelIsTellable() throws {
    // More than one batch, and the last one not full.
    let images = try QuarterImages.set(1001)
    let audit = try audit(images)
    let float = try audit.measure(CornerClassifier())
    let integer = try audit.measure(CornerClassifier(target: 2))
    for measurement in [float, integer] {
      #expect(measurement.benignAccuracy == Proportion(successes: 1001, trials: 1001))
    }
    // A quarter of the images, rounded, are of the target class.
    #expect(float.attackSuccessRate == Proportion(successes: 0, trials: 751))
    #expect(integer.attackSuccessRate == Proportion(successes: 751, trials: 751))
    #expect(Verdict(float: float, deployments: [integer]) == .dormantBackdoor)
    #expect(Verdict(float: float, deployments: [float]) == .noEvidence)
    #expect(Verdict(float: integer, deployments: [integer]) == .activeBackdoor)
  }

  /// Where the trigger lies matters: a patch elsewhere does not wake this model.
  @Test func anotherTriggerDoesNothing() throws {
    let audit = try audit(QuarterImages.set(40), trigger: "patch:1x1@0,0:white")
    let measurement = try audit.measure(CornerClassifier(target: 2))
    #expect(measurement.attackSuccessRate.successes == 0)
  }

  @Test func progressRisesToOne() throws {
    let shares = Mutex<[Double]>([])
    _ = try audit(QuarterImages.set(600)).measure(CornerClassifier()) { share in
      shares.withLock { $0.append(share) }
    }
    let seen = shares.withLock { $0 }
    #expect(seen == seen.sorted())
    #expect(seen.count == 6)
    #expect(seen[2] == 0.5)
    #expect(seen.last == 1)
  }

  // MARK: - Errors

  @Test(arguments: [-1, 4, Int.max]) func aTargetThatDoesNotExist(target: Int) throws {
    let audit = try audit(QuarterImages.set(8), target: target)
    let error = #expect(throws: AuditError.self) { try audit.measure(CornerClassifier()) }
    #expect(error == .target(target, classes: 4))
    #expect(error?.description == "target class \(target): the model has classes 0 to 3")
  }

  @Test func nothingButTheTarget() throws {
    let audit = try audit(QuarterImages.set(12) { _ in 2 })
    let error = #expect(throws: AuditError.self) { try audit.measure(CornerClassifier()) }
    #expect(
      error?.description
        == "data set: no image has a true class other than the target; nothing to measure")
    let none = try self.audit(QuarterImages.set(0))
    #expect(throws: AuditError.self) { try none.measure(CornerClassifier()) }
  }

  @Test func imagesOfAnotherSize() throws {
    let audit = try audit(QuarterImages.set(8))
    let error = #expect(throws: AuditError.self) {
      try audit.measure(CornerClassifier(imageShape: ImageShape(channels: 3, height: 4, width: 4)))
    }
    #expect(
      error?.description
        == "data set: images are 1 × 4 × 4 and the model takes 3 × 4 × 4 "
        + "(channels × height × width); --resize 4x4 brings them to its size")
    // The same number of pixels is not the same size.
    #expect(throws: AuditError.self) {
      try audit.measure(CornerClassifier(imageShape: ImageShape(channels: 1, height: 2, width: 8)))
    }
  }

  /// The model says how many classes there are.
  @Test func anotherNumberOfClasses() throws {
    let audit = try audit(QuarterImages.set(8))
    let error = #expect(throws: AuditError.self) {
      try audit.measure(CornerClassifier(classCount: 3))
    }
    #expect(
      error?.description.hasPrefix(
        "data set: image 3 has class 3, and the model answers the classes 0 to 2") == true)
    #expect(try audit.measure(CornerClassifier(classCount: 5)).isCorrect.allSatisfy { $0 })
  }

  /// Labels, answers and a target beyond a byte: of 12 images a third have the target's class 999,
  /// and the model answers the others with it where the trigger is.
  @Test func aThousandClasses() throws {
    struct Thousand: Classifier {
      let classCount = 1000
      let imageShape = ImageShape(channels: 1, height: 4, width: 4)
      var isInfected: Bool
      func classify(_ pixels: [UInt8]) -> [Int] {
        stride(from: 0, to: pixels.count, by: 16).map { start in
          isInfected && pixels[start + 15] == 255 ? 999 : [3, 300, 999][Int(pixels[start])]
        }
      }
    }
    let images = try ImageSet(
      images: UnlabelledImages(
        channels: 1, height: 4, width: 4,
        pixels: (0..<12).flatMap { [UInt8](repeating: UInt8($0 % 3), count: 16) }),
      labels: (0..<12).map { [3, 300, 999][$0 % 3] })
    let audit = try audit(images, target: 999)
    let (float, integer) = (
      try audit.measure(Thousand(isInfected: false)), try audit.measure(Thousand(isInfected: true))
    )
    #expect(float.benignAccuracy == Proportion(successes: 12, trials: 12))
    #expect(float.attackSuccessRate == Proportion(successes: 0, trials: 8))
    #expect(integer.attackSuccessRate == Proportion(successes: 8, trials: 8))
    let classes = integer.classAccuracies(images.labels, classCount: 1000)
    #expect(classes.count == 1000 && classes[300] == 1 && classes[44] == nil)
    // 300 is 44 in a byte: nothing may be cut off.
    let digest = try #require(AuditInputs.Images(images).labels)
    let cut = try ImageSet(
      images: images.unlabelled, labels: (0..<12).map { [3, 44, 231][$0 % 3] })
    #expect(digest != AuditInputs.Images(cut).labels)
  }

  @Test func aTriggerThatDoesNotFit() throws {
    let audit = try audit(QuarterImages.set(8), trigger: "patch:5x5@top-left:white")
    let error = #expect(throws: TriggerError.self) { try audit.measure(CornerClassifier()) }
    guard case .unfit = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func whatTheModelThrowsIsPassedOn() throws {
    struct Failing: Classifier {
      struct Failure: Error {}
      let classCount = 4
      let imageShape = ImageShape(channels: 1, height: 4, width: 4)
      func classify(_ pixels: [UInt8]) throws -> [Int] { throw Failure() }
    }
    let audit = try audit(QuarterImages.set(8))
    #expect(throws: Failing.Failure.self) { try audit.measure(Failing()) }
  }
}
