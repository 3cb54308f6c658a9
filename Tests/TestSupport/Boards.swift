import CupelDeviceSimulation

/// The boards that tests run on.
package enum Boards {
  /// The M4, and the others where everything is to be checked; none where QEMU or the firmware is
  /// missing.
  package static let tested: [Board] = (Settings.checksAll ? Board.allCases : [.an386])
    .filter { (try? Simulator($0)) != nil }

  /// The M4 with firmware that has no arithmetics of single runtimes; nil where it is missing.
  package static var withoutRuntimeArithmetic: Simulator? {
    try? Simulator(.an386, image: "an386-device")
  }
}
