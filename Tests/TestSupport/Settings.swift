import Foundation

/// What the variables of the environment ask of the tests; CONTRIBUTING.md lists them.
package enum Settings {
  private static func value(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name]
  }

  /// Whether only unit tests are to run: `make check`.
  package static var isQuick: Bool { value("CUPEL_TIER") == "check" }

  /// Whether checks that take minutes are wanted too: `make check-all`.
  package static var checksAll: Bool { value("CUPEL_CHECK_ALL") != nil }

  /// Mutated files of one format: `usual`, ten times as many in `make check-all`, and what
  /// `CUPEL_MUTANTS` says in `make fuzz`.
  package static func mutants(usual: Int) -> Int {
    if let asked = value("CUPEL_MUTANTS").flatMap(Int.init), asked > 0 { return asked }
    return checksAll ? 10 * usual : usual
  }

  /// Whether AddressSanitizer watches. It keeps freed memory back and surrounds every block, so
  /// that what the process grows by says nothing about the code.
  package static var isSanitized: Bool { value("CUPEL_SANITIZED") != nil }

  /// Whether a test is to write the page that it otherwise compares.
  package static var writesDocuments: Bool { value("CUPEL_WRITE_DOCS") != nil }

  /// Where reports are written for checks by other programs.
  package static var reports: String? { value("CUPEL_REPORTS") }

  /// Where programs to export are written, and where the exported files are.
  package static var exportPrograms: String? { value("CUPEL_EXPORT_PROGRAMS") }
  package static var exportGolden: String? { value("CUPEL_EXPORT_GOLDEN") }

  /// The folder with a ResNet-20 that `tools/golden/export_resnet20.py` exported.
  package static var resnet20: URL? { value("CUPEL_RESNET20").map { URL(fileURLWithPath: $0) } }

  /// The folder of data that are no part of the repository.
  static var data: URL {
    value("CUPEL_DATA").map { URL(fileURLWithPath: $0) }
      ?? Repository.root.appendingPathComponent("../shared/data").standardized
  }
}
