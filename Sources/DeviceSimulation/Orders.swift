import CupelFixedPoint

/// What a board is told to do, in the bytes that its firmware reads (`docs/firmware.md`).
package struct Orders: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  private enum Code: UInt32 {
    case end = 0
    case program = 1
    case run = 2
    case flip = 3
  }

  private mutating func append(_ words: UInt32...) {
    for word in words {
      for shift in stride(from: 0, to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift)))
      }
    }
  }

  /// Puts a model into flash and judges it.
  package mutating func program(_ model: some Collection<UInt8>) {
    append(Code.program.rawValue, UInt32(model.count))
    bytes += model
  }

  /// Runs the model in flash.
  ///
  /// - Parameters:
  ///   - inputs: whole images of `size` bytes each.
  ///   - profile: nil for the rounding that the file carries.
  package mutating func run(_ inputs: [Int8], size: Int, profile: DeploymentProfile? = nil) {
    append(
      Code.run.rawValue, UInt32(inputs.count / size), profile.map { UInt32($0.rawValue) } ?? 255,
      UInt32(size))
    inputs.withUnsafeBytes { bytes += $0 }
  }

  /// Turns bit `index` of the model over, judges it, and turns the bit back.
  package mutating func flip(bit index: Int) { append(Code.flip.rawValue, UInt32(index)) }

  /// Ends them; nothing may follow.
  package mutating func end() { append(Code.end.rawValue) }
}
