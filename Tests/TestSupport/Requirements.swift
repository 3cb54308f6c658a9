import Testing

/// What a test needs. One that does not get it is skipped, and `make check` and `make test` end with
/// the reasons that stand here.
extension Trait where Self == ConditionTrait {
  /// Starts `cupel`, or a process in which the test itself goes on.
  package static var startsProcesses: Self {
    .disabled(if: Settings.isQuick, "it starts processes: make test")
  }

  /// Takes seconds.
  package static var takesSeconds: Self {
    .disabled(if: Settings.isQuick, "it takes seconds: make test")
  }

  /// Takes minutes.
  package static var takesMinutes: Self {
    .enabled(
      if: Settings.checksAll && !Settings.isQuick,
      "it takes minutes: make check-all, or CUPEL_CHECK_ALL=1")
  }

  package static var needsBoards: Self {
    .enabled(
      if: !Settings.isQuick && !Boards.tested.isEmpty,
      Settings.isQuick
        ? "it runs on simulated boards: make test"
        : "there is no QEMU, or no firmware: make firmware")
  }

  package static var needsDeviceFirmware: Self {
    .enabled(
      if: !Settings.isQuick && Boards.withoutRuntimeArithmetic != nil,
      Settings.isQuick
        ? "it runs on simulated boards: make test"
        : "there is no QEMU, or no an386-device: firmware-sim/build.sh an386-device")
  }

  package static var needsCIFAR10: Self {
    .enabled(if: Repository.cifar10 != nil, "no cifar10/ with binary files in CUPEL_DATA")
  }

  package static var needsMLPerfTiny: Self {
    .enabled(if: Repository.mlperfTiny != nil, "no mlperf-tiny/ in CUPEL_DATA")
  }
}
