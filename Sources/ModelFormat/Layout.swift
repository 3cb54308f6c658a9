/// Where things stand in a `.cupel` file. `docs/format.md` is normative; this is its transcript.
package enum Layout {
  /// "CUPEL", CR, LF, SUB: a text-mode transfer or a print to a terminal shows at once.
  package static let magic: InlineArray<8, UInt8> = [
    0x43, 0x55, 0x50, 0x45, 0x4C, 0x0D, 0x0A, 0x1A,
  ]
  package static let major: UInt16 = 1
  /// Of a file in which some tensor has 16 bits; its minor versions are those of version 1.
  package static let wideMajor: UInt16 = 2
  /// The newest minor version. A file states the oldest that has all that it uses.
  package static let minor: UInt16 = 4

  package static let headerSize = 128
  package static let tensorSize = 40
  package static let operationSize = 96
  package static let operandSize = 4
  package static let metadataSize = 16

  /// Of the file in memory, of weights, and of tensors in the arena.
  package static let alignment = 16
  /// Every offset, count and extent fits a signed 32-bit integer.
  package static let largest: Int64 = 0x7FFF_FFFF
  package static let mostTensors = 4096
  /// The version in which a file may have several inputs and outputs.
  package static let severalMinor: UInt16 = 3
  package static let mostOperands = 64
  /// Kernel extents, strides and dilations.
  package static let largestStep = 65535

  package enum Header {
    package static let major = 8
    package static let minor = 10
    package static let headerSize = 12
    package static let fileSize = 16
    package static let arenaSize = 20
    package static let input = 24
    package static let output = 28
    /// Six pairs of offset and count.
    package static let sections = 32
    package static let reserved = 80
    package static let digest = 96
  }

  package enum Tensor {
    package static let name = 0
    package static let nameLength = 4
    package static let height = 8
    package static let width = 12
    package static let channels = 16
    package static let arenaOffset = 20
    package static let born = 24
    package static let lastUse = 28
    package static let scale = 32
    package static let bits = 36
    package static let zeroPoint = 37
    package static let reserved = 38
  }

  package enum Operation {
    package static let kind = 0
    package static let rounding = 1
    package static let weightBits = 2
    package static let axis = 3
    package static let low = 4
    package static let high = 5
    package static let value = 6
    package static let reservedByte = 7
    package static let name = 8
    package static let nameLength = 12
    package static let firstOperand = 16
    package static let operandCount = 20
    package static let output = 24
    /// What low, or value, and high have beyond a byte, in 256ths.
    package static let upperLow = 28
    package static let upperHigh = 29
    package static let reservedHalf = 30
    package static let parameters = 32
    package static let parameterCount = 16
  }

  /// `value` rounded up to a multiple of `alignment`, a power of two. Masking, because a 64-bit
  /// division is a library call on a Cortex-M.
  package static func aligned(_ value: Int64, to alignment: Int = alignment) -> Int64 {
    let step = Int64(alignment)
    return (value &+ step &- 1) & ~(step &- 1)
  }
}

/// The parameters that say where constants are.
package enum ConstantPlaces {
  /// Weights, a table or elements, and how many bytes they take.
  package static let values = 9
  package static let size = 10
  package static let bias = 11
  package static let multipliers = 12
  package static let weightScales = 13
  package static let shifts = 14
  /// What biases have beyond 32 bits.
  package static let upperBias = 15
}
