import Foundation

/// Whether the checks on the whole test set are wanted, which take minutes.
enum FullCheck {
  static let isWanted = ProcessInfo.processInfo.environment["CUPEL_CHECK_ALL"] != nil
}
