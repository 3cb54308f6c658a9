import Cupel
import CupelSupport
import Foundation
import Synchronization
import TestSupport
import Testing

/// Work whose task is cancelled ends with `CancellationError` and leaves no file.
@Suite struct CancellationTests {
  /// Cancels the task in which it is told of progress for the n-th time.
  private final class Canceller: Sendable {
    private let left: Mutex<Int>

    init(after reports: Int) { left = Mutex(reports) }

    func tell() {
      withUnsafeCurrentTask { task in
        // Other threads are no part of the task.
        guard let task else { return }
        let isTime = left.withLock {
          $0 -= 1
          return $0 == 0
        }
        if isTime { task.cancel() }
      }
    }
  }

  private func context(cancelledAfter reports: Int) -> RunContext {
    let canceller = Canceller(after: reports)
    return RunContext(threads: 2) { _ in canceller.tell() }
  }

  @Test(arguments: [1, 2, 3, 5, 8]) func purificationLeavesNoFile(reports: Int) async throws {
    let folder = try TemporaryFolder()
    let context = context(cancelledAfter: reports)
    let work = Task {
      try Workbench(Samples.infected(), images: Samples.training().prefix(64), context: context)
        .rounded(Scheme("w8a8"), by: .rounding(.efrap, .fast))
        .write(to: folder.file("model.cupel"))
    }
    await #expect(throws: CancellationError.self) { try await work.value }
    #expect(try folder.contents().isEmpty)
  }

  @Test(arguments: [1, 2, 3, 7, 20]) func searchEnds(reports: Int) async throws {
    let context = context(cancelledAfter: reports)
    var settings = TriggerSearch.Settings()
    settings.families = [.rectangle, .wave]
    (settings.calibrationImages, settings.searchImages) = (32, 24)
    settings.heldOutImages = 100
    let search = TriggerSearch(settings, context: context)
    let work = Task {
      try search.run(
        AuditSubject([.float(Samples.clean())], schemes: [Scheme("w8a8")]),
        training: Samples.training(), test: Samples.test())
    }
    await #expect(throws: CancellationError.self) { _ = try await work.value }
  }

  @Test(arguments: [1, 2, 4]) func knownTriggerAuditEnds(reports: Int) async throws {
    let context = context(cancelledAfter: reports)
    let work = Task {
      try KnownTriggerAudit(
        images: Samples.test(), trigger: Trigger("patch:4x4@center:white"), target: 0
      ).run(
        AuditSubject([.float(Samples.clean())], schemes: [Scheme("w8a8")]),
        calibration: { try Samples.training().prefix(64) }, context: context)
    }
    await #expect(throws: CancellationError.self) { _ = try await work.value }
  }

  private static var threads: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
  }

  /// Ten moments that a seed decides, in work that would go on for hours: none leaves a file or a
  /// thread behind.
  @Test(.takesSeconds) func randomMomentsLeaveNothing() async throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: 17)
    // The first makes the threads that stay for later work.
    try await cancelSearch(after: 50, folder)
    let before = Self.threads
    for moment in 0..<10 {
      let milliseconds = generator.below(400)
      if moment % 2 == 0 {
        try await cancelSearch(after: milliseconds, folder)
      } else {
        try await cancelPurification(after: milliseconds, folder)
      }
      #expect(try folder.contents().isEmpty, "\(moment)")
    }
    // Other tests have threads as well, but not one more for every moment.
    for _ in 0..<200 where Self.threads >= before + 10 {
      try await Task.sleep(for: .milliseconds(100))
    }
    #expect(Self.threads < before + 10)
  }

  private func cancelSearch(after milliseconds: Int, _ folder: TemporaryFolder) async throws {
    var settings = TriggerSearch.Settings()
    settings.families = [.additive]
    (settings.calibrationImages, settings.searchImages) = (32, 24)
    settings.heldOutImages = 100
    settings.effort.steps = 10_000_000
    settings.makesExhibits = true
    let search = TriggerSearch(settings, context: RunContext(threads: 2))
    let work = Task {
      let result = try search.run(
        AuditSubject([.float(Samples.clean())], schemes: [Scheme("w8a8")]),
        training: Samples.training(), test: Samples.test())
      try result.report.verdict.rawValue.write(
        toFile: folder.file("verdict"), atomically: true, encoding: .utf8)
    }
    try await cancel(work, after: milliseconds)
  }

  /// Adam's steps end too.
  private func cancelPurification(after milliseconds: Int, _ folder: TemporaryFolder) async throws {
    var settings = Defence.Settings()
    settings.iterations = 1_000_000
    let work = Task { [settings] in
      try Workbench(
        Samples.infected(), images: Samples.training().prefix(64),
        context: RunContext(threads: 2)
      ).rounded(Scheme("w8a8"), by: .rounding(.efrap, .adam), settings: settings)
        .write(to: folder.file("model.cupel"))
    }
    try await cancel(work, after: milliseconds)
  }

  private func cancel(_ work: Task<Void, any Error>, after milliseconds: Int) async throws {
    try await Task.sleep(for: .milliseconds(milliseconds))
    work.cancel()
    await #expect(throws: CancellationError.self) { try await work.value }
  }

  /// Without a cancellation the same work comes to its end.
  @Test func nothingEndsByItself() async throws {
    let folder = try TemporaryFolder()
    let context = context(cancelledAfter: .max)
    try await Task {
      try Workbench(Samples.infected(), images: Samples.training().prefix(64), context: context)
        .rounded(Scheme("w8a8")).write(to: folder.file("model.cupel"))
    }.value
    #expect(try folder.contents() == ["model.cupel"])
  }
}
