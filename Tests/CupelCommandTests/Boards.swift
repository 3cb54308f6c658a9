import DeviceSimulation
import Foundation

/// The boards that tests run on.
enum Boards {
  /// The M4, and the others where everything is to be checked; none where QEMU or the firmware is
  /// missing.
  static let tested: [Board] = {
    let wanted: [Board] =
      ProcessInfo.processInfo.environment["CUPEL_CHECK_ALL"] == nil ? [.an386] : Board.allCases
    return wanted.filter { (try? Simulator($0)) != nil }
  }()
}
