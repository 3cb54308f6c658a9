/// A board that QEMU simulates and that the firmware is built for.
public enum Board: String, CaseIterable, Sendable, CustomStringConvertible {
  /// Cortex-M3: the reference kernels.
  case an385
  /// Cortex-M4: kernels for its DSP extension.
  case an386
  /// Cortex-M7: those of the M4.
  case an500
  /// Cortex-M55: kernels for Helium.
  case an547

  /// The name under which QEMU knows it.
  public var machine: String { self == .an547 ? "mps3-an547" : "mps2-\(rawValue)" }

  /// The name of its processor, such as `cortex-m4`.
  public var processor: String {
    switch self {
    case .an385: "cortex-m3"
    case .an386: "cortex-m4"
    case .an500: "cortex-m7"
    case .an547: "cortex-m55"
    }
  }

  public var description: String { "\(processor) (\(machine))" }

  /// By processor, board or machine: `cortex-m4`, `an386` or `mps2-an386`.
  ///
  /// - Throws: `DeviceError.board` for any other name.
  public init(named name: String) throws(DeviceError) {
    guard
      let board = Self.allCases.first(where: {
        [$0.processor, $0.rawValue, $0.machine].contains(name)
      })
    else { throw .board(name) }
    self = board
  }
}
