import Foundation

/// How many mutated files tests try, and under what.
package enum FuzzEffort {
  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// Mutants of one format: `usual`, ten times as many in `make check-all`, and what
  /// `CUPEL_MUTANTS` says in `make fuzz`.
  package static func mutants(usual: Int) -> Int {
    if let asked = environment["CUPEL_MUTANTS"].flatMap(Int.init), asked > 0 { return asked }
    return environment["CUPEL_CHECK_ALL"] == nil ? usual : 10 * usual
  }

  /// Whether AddressSanitizer watches. It keeps freed memory back and surrounds every block, so
  /// that what the process grows by says nothing about the code.
  package static var isSanitized: Bool { environment["CUPEL_SANITIZED"] != nil }
}
