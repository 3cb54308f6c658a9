#if _pointerBitWidth(_64)
  import CCupelIntegerKernels

  /// Instruction sets with kernels of their own, equal to the reference kernels bit for bit.
  ///
  /// Cortex-M has none yet: there `Interpreter` runs the reference kernels.
  public enum KernelLevel: UInt8, CaseIterable, Sendable {
    /// Plain C.
    case scalar
    /// x86-64 with AVX2.
    case avx2
    /// x86-64 with AVX-512 and its integer dot products.
    case avx512VNNI
    /// AArch64 with integer dot products.
    case neonDot

    var code: cupel_level {
      switch self {
      case .scalar: CUPEL_SCALAR
      case .avx2: CUPEL_AVX2
      case .avx512VNNI: CUPEL_AVX512_VNNI
      case .neonDot: CUPEL_NEON_DOT
      }
    }

    /// Whether this machine has the instructions.
    public var isAvailable: Bool { cupel_level_available(code) != 0 }

    /// Does `rounds` rounds of the level's best multiply-accumulates on registers alone, to measure
    /// what the core could do.
    ///
    /// - Returns: how many they were; 0 where the level has no instruction for them.
    public func peakRounds(_ rounds: Int64) -> Int64 { cupel_peak_rounds(code, rounds) }
  }
#endif
