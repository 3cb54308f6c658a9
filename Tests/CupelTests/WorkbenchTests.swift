import Cupel
import Synchronization
import Testing

/// From a float model to a `.cupel` file and back.
@Suite struct WorkbenchTests {
  private func workbench(threads: Int = 2, seed: UInt64 = 0) throws -> Workbench {
    try Workbench(
      Samples.infected(), images: Samples.training().prefix(64), schemes: [Scheme("w8a8")],
      context: RunContext(threads: threads, seed: seed))
  }

  @Test func writtenFileTellsWhereItComesFrom() throws {
    let folder = try TemporaryFolder()
    let scheme = try Scheme("w8a8")
    let workbench = try workbench(seed: 7)
    let rounded = try workbench.rounded(scheme, profile: .xnnpack)
    try rounded.write(to: folder.file("model.cupel"))
    #expect(try folder.contents() == ["model.cupel"])

    let model = try LoadedModel(path: folder.file("model.cupel")).integer()
    #expect(model.rounding == .nearest)
    #expect(model.statedScheme == scheme)
    #expect(model.profile == .runtime(.xnnpack))
    #expect(model.isMade(from: workbench.model))
    #expect(model.engine.metadata("calibration.images") == "64")
    #expect(model.engine.metadata("calibration.seed") == "7")
    #expect(try model.preprocessing() == workbench.preprocessing)
  }

  /// One step, with the number of images that there are and not of those that were asked for.
  @Test func calibrationTellsHowFarItIs() throws {
    let seen = Mutex<[RunContext.Progress]>([])
    _ = try Workbench(
      Samples.infected(), images: Samples.training().prefix(64).sample(1024, seed: 1),
      schemes: [Scheme("w8a8")],
      context: RunContext(threads: 1) { progress in seen.withLock { $0.append(progress) } })
    let all = seen.withLock { $0 }
    #expect(all.allSatisfy { $0.step == "calibrating on 64 training images" })
    #expect(all.map(\.share) == [0, 0.5, 1, 1])
  }

  /// What a purification is at is a detail of one step.
  @Test func purificationIsOneStep() throws {
    let seen = Mutex<[RunContext.Progress]>([])
    let workbench = try Workbench(
      Samples.infected(), images: Samples.training().prefix(64), schemes: [Scheme("w8a8")],
      context: RunContext(threads: 1) { progress in seen.withLock { $0.append(progress) } })
    seen.withLock { $0 = [] }
    _ = try workbench.rounded(Scheme("w8a8"), by: .rounding(.lac, .fast))
    let all = seen.withLock { $0 }
    #expect(all.allSatisfy { $0.step == "lac, w8a8" })
    #expect(Set(all.map(\.detail)).count > 5 && all.last?.share == 1)
  }

  /// Eight bits cost a specimen next to nothing on clean images.
  @Test func integersAnswerAsTheFloatModelDoes() throws {
    let workbench = try workbench()
    let images = try Samples.test()
    let float = try FloatClassifier(
      graph: workbench.model.graph, preprocessing: workbench.preprocessing, threads: 2
    ).classify(images.pixels)
    let integer = try IntegerClassifier(
      engine: workbench.rounded(Scheme("w8a8")).engine(), preprocessing: workbench.preprocessing,
      threads: 2
    ).classify(images.pixels)
    #expect(zip(float, integer).count { $0 == $1 } >= 280)
  }

  @Test func threadsChangeNoByte() throws {
    let scheme = try Scheme("w8a8")
    for defence in [Defence.nearest, .rounding(.efrap, .fast)] {
      let bytes = try [1, 3].map { try workbench(threads: $0).rounded(scheme, by: defence).bytes }
      #expect(bytes[0] == bytes[1])
    }
  }

  @Test func purificationIsReported() throws {
    let rounded = try workbench().rounded(Scheme("w8a8"), by: .rounding(.efrap, .fast))
    let layers = try #require(rounded.purification).layers
    #expect(layers.reduce(0) { $0 + $1.changed } > 0)
    #expect(rounded.summary.hasPrefix("efrap"))
  }

  /// A baseline asks for labelled images; nothing else does.
  @Test func labelledImagesAreAskedForByBaselinesAlone() throws {
    struct Asked: Error {}
    func labelled() throws -> ImageSet { throw Asked() }
    let workbench = try workbench()
    _ = try workbench.tuned(by: .nearest, on: labelled())
    _ = try workbench.tuned(by: .auto, on: labelled())
    #expect(throws: Asked.self) {
      try workbench.tuned(by: .tuning(.fineTuning, isMoved: false), on: labelled())
    }
  }

  @Test func imagesOfAnotherSizeAreRefused() throws {
    let images = try UnlabelledImages(
      channels: 1, height: 27, width: 28, pixels: [UInt8](repeating: 0, count: 27 * 28))
    #expect {
      try Workbench(Samples.clean(), images: images)
    } throws: { error in
      (error as? CupelError)?.message.contains("1 × 27 × 28") == true
    }
  }

  @Test func floatModelIsNoIntegerModel() throws {
    let model = try LoadedModel(path: Samples.clean().path)
    #expect { try model.integer() } throws: { ($0 as? CupelError)?.kind == .badData }
  }
}
