import CupelIntegerOperators
import CupelIntegerRuntime
import Foundation

/// Which kernels an engine runs. Results are the same to the bit; only the time differs.
public enum InstructionSet: String, CaseIterable, Sendable, CustomStringConvertible {
  /// Plain C over packed weights: for other machines than those below, and slower than the
  /// reference kernels where compilers vectorise those.
  case scalar
  /// The reference kernels, which are the specification.
  case reference
  /// x86-64 with AVX2.
  case avx2
  /// x86-64 with AVX-512 and its integer dot products.
  case avx512VNNI = "avx512-vnni"
  /// AArch64 with integer dot products.
  case neonDot = "neon-dot"

  /// Names the instruction set to use where nobody asks for one.
  public static let environmentVariable = "CUPEL_ISA"

  /// The name by which it is chosen.
  public var description: String { rawValue }

  /// nil for the reference kernels.
  public var level: KernelLevel? {
    switch self {
    case .reference: nil
    case .scalar: .scalar
    case .avx2: .avx2
    case .avx512VNNI: .avx512VNNI
    case .neonDot: .neonDot
    }
  }

  /// Whether this machine has the instructions.
  public var isAvailable: Bool { level?.isAvailable ?? true }

  /// Those that this machine has, by rising speed.
  public static var available: [InstructionSet] { allCases.filter(\.isAvailable) }

  /// - Throws: `EngineError.instructionSet` for a name that is none, or an instruction set that
  ///   this machine has not.
  public init(named name: String) throws(EngineError) {
    guard let set = Self(rawValue: name), set.isAvailable else { throw .instructionSet(name) }
    self = set
  }

  /// What `CUPEL_ISA` names, else the fastest that this machine has.
  ///
  /// - Throws: `EngineError.instructionSet`, as `init(named:)`.
  public static func standard(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(EngineError) -> InstructionSet {
    guard let name = environment[environmentVariable], !name.isEmpty else {
      return available.last ?? .reference
    }
    return try InstructionSet(named: name)
  }
}
