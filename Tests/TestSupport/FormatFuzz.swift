import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import CupelSupport

/// Runs mutated `.cupel` files through the validator and counts what becomes of them.
package struct FormatFuzz {
  package private(set) var report = Report()

  package struct Report: Sendable {
    package var mutants = 0
    package var redigested = 0
    /// Redigested mutants that were accepted, or rejected for something else than the header.
    package var pastHeader = 0
    package var accepted = 0
    package var rejections: [FormatRule: Int] = [:]
    /// Bytes by which the process grew over all mutants together: its resident set at the peak,
    /// given back since or not, or its writable memory at the end, whichever grew more.
    package var growth = 0
    /// Mutants that failed with something else than a `FormatError`.
    package var otherErrors: [String] = []
  }

  package init() {}

  /// Files with every operation at 8 and at 4 bits, then `count` of random programs, two in the
  /// arithmetics of single runtimes, and one with several inputs and outputs.
  package static func seeds(_ count: Int) throws -> [[UInt8]] {
    var programs = [8, 4].map {
      RandomProgram.make(
        seed: UInt64($0),
        steps: [
          .requantize, .convolution, .depthwise, .residual, .concatenate, .slice, .pad, .maxPool,
          .averagePool, .clamp, .transposeConvolution, .namedLookup, .mean, .fullyConnected,
        ], bits: $0)
    }
    programs += (0..<count).map { RandomProgram.make(seed: 1000 + UInt64($0)) }
    programs += (1...2).map { RandomProgram.ofRuntimeModes(seed: $0) }
    programs.append(SeveralEnds.program)
    return try programs.map(CupelWriter.bytes)
  }

  /// - Parameter accepted: what to do with a mutant that turned out to be a valid model, the
  ///   interpreter for one. It counts into the mutant's memory.
  package mutating func run(
    mutants: Int, seed: UInt64, seeds: [[UInt8]], accepted: (ModelView) throws -> Void
  ) {
    var mutator = Mutator(seeds: seeds, generator: SeededGenerator(seed: seed))
    let resident = MemoryGrowth.memory("VmRSS:")
    let writable = MemoryGrowth.memory("VmData:")
    for _ in 0..<mutants {
      attempt(mutator.next(), accepted: accepted)
    }
    report.growth = max(
      MemoryGrowth.memory("VmHWM:") - resident, MemoryGrowth.memory("VmData:") - writable)
  }

  private mutating func attempt(_ mutant: Mutator.Mutant, accepted: (ModelView) throws -> Void) {
    report.mutants += 1
    if mutant.isRedigested { report.redigested += 1 }
    do {
      try withModelView(mutant.bytes) { model in
        if mutant.isRedigested { report.pastHeader += 1 }
        report.accepted += 1
        try accepted(model)
      }
    } catch let error as FormatError {
      report.rejections[error.rule, default: 0] += 1
      if mutant.isRedigested, error.record != .header { report.pastHeader += 1 }
    } catch {
      report.otherErrors.append("\(error)")
    }
  }
}
