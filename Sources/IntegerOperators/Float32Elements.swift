import CupelFixedPoint
import CupelModelFormat

/// Operators without weights in float32, carried out on bit patterns: as ONNX Runtime's CPU kernels
/// for 8-bit tensors compute them on x86-64 with AVX2, or as single float operators between
/// DequantizeLinear and QuantizeLinear do.
///
/// The kernels for 8-bit tensors add the output's zero point before they round, so it matters
/// whether the tensors are uint8 or int8: sums in float32 round otherwise 128 further up.
struct Float32Elements {
  private let mode: RoundingMode
  /// Bits of the scales.
  private let firstScale, secondScale, outputScale: UInt32
  /// As the runtime's tensors have them.
  private let firstZero, secondZero, outputZero: Int32
  /// What the runtime's integers are above the program's.
  private let offset: Int32
  /// On the program's grid.
  private let low, high: Int32

  /// - Parameters:
  ///   - low, high: nil for the output's whole grid.
  init(_ step: Step, _ mode: RoundingMode, low: Int16? = nil, high: Int16? = nil) {
    let second = step.operation.operands.count > 1 ? step.second : step.input
    self.mode = mode
    (firstScale, secondScale) = (step.input.scaleBits, second.scaleBits)
    outputScale = step.output.scaleBits
    offset = mode == .onnxUnsigned ? 128 : 0
    firstZero = Int32(step.input.zeroPoint) &+ offset
    secondZero = Int32(second.zeroPoint) &+ offset
    outputZero = Int32(step.output.zeroPoint) &+ offset
    self.low = low.map { Int32($0) } ?? Int32(step.output.lowest)
    self.high = high.map { Int32($0) } ?? Int32(step.output.highest)
  }

  /// Steps of the output's grid, rounded and limited. Not inlined: firmware is to have it once.
  @inline(never)
  private func placed(_ bits: UInt32, zeroPoint: Int32) -> Int8 {
    placedOnGrid(int32(roundingFloat32: bits), zeroPoint: zeroPoint, low: low, high: high)
  }

  /// A value that lies on the output's grid, zero point included, in the runtime's integers.
  private func stored(_ bits: UInt32) -> Int8 { placed(bits, zeroPoint: 0 &- offset) }

  /// A real number as QuantizeLinear stores it.
  private func quantized(_ bits: UInt32) -> Int8 {
    placed(float32Quotient(bits, outputScale), zeroPoint: outputZero)
  }

  /// What DequantizeLinear makes of a value.
  @inline(never)
  private func real(_ value: Int32, zero: Int32, scale: UInt32) -> UInt32 {
    float32Product(float32Bits(of: value &+ offset &- zero), scale)
  }

  // MARK: Requantization

  /// There are only 256 inputs, so their outputs are worked out first and then looked up.
  ///
  /// - Parameter scratch: 256 bytes.
  func requantize(
    _ input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>,
    _ scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let table = area.bytes(256)
    for value in Int32(-128)...127 {
      table[Int(value) &+ 128] = quantized(real(value, zero: firstZero, scale: firstScale))
    }
    for index in 0..<count { output[index] = table[Int(input[index]) &+ 128] }
  }

  // MARK: Sums, differences, products

  /// a · r₁ + (b · r₂ + f), each a fused multiply-add, with r the ratios of the scales and
  /// f = z_out − (r₁ · z₁ + r₂ · z₂), whose first product is fused with the sum.
  func add(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output: UnsafeMutablePointer<Int8>
  ) {
    if mode == .float32Steps {
      combine(first, second, count: count, output: output, changing: 0)
      return
    }
    let firstRatio = float32Quotient(firstScale, outputScale)
    let secondRatio = float32Quotient(secondScale, outputScale)
    let zeros = float32MultiplyAdd(
      firstRatio, float32Bits(of: firstZero),
      float32Product(secondRatio, float32Bits(of: secondZero)))
    let fixed = float32Sum(float32Bits(of: outputZero), zeros ^ 0x8000_0000)
    var addends = InlineArray<256, UInt32>(repeating: 0)
    for value in 0..<256 {
      let bits = float32Bits(of: Int32(value) &- 128 &+ offset)
      addends[value] = float32MultiplyAdd(bits, secondRatio, fixed)
    }
    for index in 0..<count {
      let own = float32Bits(of: Int32(first[index]) &+ offset)
      let addend = addends[Int(second[index]) &+ 128]
      output[index] = stored(float32MultiplyAdd(own, firstRatio, addend))
    }
  }

  /// The first less the second, as float operators.
  func subtract(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output: UnsafeMutablePointer<Int8>
  ) {
    combine(first, second, count: count, output: output, changing: 0x8000_0000)
  }

  /// - Parameter sign: the bit to flip in the second number.
  private func combine(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output: UnsafeMutablePointer<Int8>, changing sign: UInt32
  ) {
    for index in 0..<count {
      let own = real(Int32(first[index]), zero: firstZero, scale: firstScale)
      let other = real(Int32(second[index]), zero: secondZero, scale: secondScale)
      output[index] = quantized(float32Sum(own, other ^ sign))
    }
  }

  /// The product of the integers times the ratio, plus the zero point; or of the real numbers.
  func multiply(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output: UnsafeMutablePointer<Int8>
  ) {
    let ratio = float32Ratio(input: firstScale, weight: secondScale, output: outputScale)
    let zero = float32Bits(of: outputZero)
    for index in 0..<count {
      let (own, other) = (Int32(first[index]), Int32(second[index]))
      if mode == .float32Steps {
        let product = float32Product(
          real(own, zero: firstZero, scale: firstScale),
          real(other, zero: secondZero, scale: secondScale))
        output[index] = quantized(product)
      } else {
        let product = (own &+ offset &- firstZero) &* (other &+ offset &- secondZero)
        let scaled = float32Product(float32Bits(of: product), ratio)
        output[index] = stored(float32Sum(scaled, zero))
      }
    }
  }

  // MARK: Average pooling

  /// The mean of a whole image, for which ONNX Runtime adds integers.
  private func mean(
    of pixels: Int, _ input: UnsafePointer<Int8>, _ sums: UnsafeMutablePointer<Int32>,
    channels: Int, output: UnsafeMutablePointer<Int8>
  ) {
    let zero = firstZero &- offset
    let count = float32Bits(of: Int32(truncatingIfNeeded: pixels))
    let ratio = float32Quotient(firstScale, float32Product(outputScale, count))
    sums.update(repeating: 0, count: channels)
    for pixel in 0..<pixels {
      let values = input + pixel &* channels
      for channel in 0..<channels { sums[channel] &+= Int32(values[channel]) &- zero }
    }
    for channel in 0..<channels {
      let scaled = float32Product(float32Bits(of: sums[channel]), ratio)
      output[channel] = placed(scaled, zeroPoint: outputZero &- offset)
    }
  }

  /// The sum of the window's real values, taken one after another in float32, row by row; divided by
  /// how many they are, then by the output's scale; the zero point added before rounding, or as an
  /// integer after it.
  ///
  /// - Parameter scratch: `AveragePool.scratchBytes`.
  func pool(
    _ pool: AveragePool, _ input: UnsafePointer<Int8>, extent: Extent,
    output: UnsafeMutablePointer<Int8>, to: Extent, scratch: UnsafeMutableRawPointer
  ) {
    let channels = extent.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    if mode != .float32Steps, pool.window.isWhole(of: extent), to.height &* to.width == 1 {
      mean(of: extent.height &* extent.width, input, sums, channels: channels, output: output)
      return
    }
    let zero = float32Bits(of: outputZero)
    for row in 0..<to.height {
      for column in 0..<to.width {
        sums.update(repeating: 0, count: channels)
        var count: Int32 = 0
        pool.window.forEachPixel(of: extent, row: row, column: column) { offset in
          count &+= 1
          for channel in 0..<channels {
            let own = real(Int32(input[offset &+ channel]), zero: firstZero, scale: firstScale)
            let sum = float32Sum(UInt32(bitPattern: sums[channel]), own)
            sums[channel] = Int32(bitPattern: sum)
          }
        }
        if pool.countsPadding { count = Int32(truncatingIfNeeded: pool.window.taps) }
        let divisor = float32Bits(of: count)
        let target = output + to.offset(row: row, column: column)
        for channel in 0..<channels {
          let mean = float32Quotient(UInt32(bitPattern: sums[channel]), divisor)
          target[channel] =
            mode == .float32Steps
            ? quantized(mean) : stored(float32Sum(float32Quotient(mean, outputScale), zero))
        }
      }
    }
  }
}
