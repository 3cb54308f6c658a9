// What this module's API speaks of, so that `import Cupel` is enough.
@_exported import Audit
@_exported import Datasets
@_exported import DeviceSimulation
@_exported import FineTuning
@_exported import FixedPoint
@_exported import FloatGraph
@_exported import HostRuntime
@_exported import Purification
@_exported import Quantization
@_exported import Triggers

/// Which release of Cupel this is.
public enum CupelRelease {
  /// As files and reports name it: "0.1.0".
  public static let current = "0.1.0"
}
