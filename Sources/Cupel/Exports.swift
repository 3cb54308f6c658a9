// What this module's API speaks of, so that `import Cupel` is enough.
@_exported import CupelAudit
@_exported import CupelDatasets
@_exported import CupelDeviceSimulation
@_exported import CupelFineTuning
@_exported import CupelFixedPoint
@_exported import CupelFloatGraph
@_exported import CupelHostRuntime
@_exported import CupelPurification
@_exported import CupelQuantization
@_exported import CupelTriggers

/// Which release of Cupel this is.
public enum CupelRelease {
  /// As files and reports name it: "0.1.0".
  public static let current = "0.1.0"
}
