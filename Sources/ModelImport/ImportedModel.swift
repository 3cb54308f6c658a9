import CupelFloatGraph
import CupelModelWriter

/// What a vendor's file holds.
public enum ImportedModel: Sendable {
  /// A float network, still to be quantized.
  case float(FloatGraph)
  /// Integers, scales and zero points as the vendor's tools have chosen them.
  case integer(IntegerProgram)
}
