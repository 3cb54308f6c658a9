import Foundation

/// A sine along the columns added to the image: `sig:AMPLITUDE:FREQUENCY`.
///
/// After Barni, Kallas and Tondi, *A New Backdoor Attack in CNNs by Training Set Corruption Without
/// Label Poisoning*, 2019: AMPLITUDE · sin(2π · column · FREQUENCY / width), in steps of a pixel.
public struct Sinusoid: Sendable, Equatable {
  /// 1 to 255.
  public let amplitude: Int
  /// Periods across the image, 1 to 4096.
  public let frequency: Int

  static let name = "sig"
}

extension Sinusoid {
  /// - Parameter parameters: the string after `sig:`.
  init(_ parameters: String) throws(Flaw) {
    let parts = try Number.list(parameters, 2, form: "sig:AMPLITUDE:FREQUENCY")
    amplitude = try Number.read(parts[0], "amplitude", in: 1...255)
    frequency = try Number.read(parts[1], "frequency", in: 1...4096)
  }

  /// The canonical string after `sig:`.
  var parameters: String { "\(amplitude):\(frequency)" }

  /// - Parameter pixels: whole images of that geometry.
  func apply(to pixels: inout [UInt8], _ geometry: ImageGeometry) {
    let wave = (0..<geometry.width).map { offset(column: $0, width: geometry.width) }
    for row in stride(from: 0, to: pixels.count, by: geometry.width) {
      for (column, offset) in wave.enumerated() {
        pixels[row + column] = UInt8(min(max(Int(pixels[row + column]) + offset, 0), 255))
      }
    }
  }

  /// Rounded to 2⁻¹⁶ and only then to an integer, halves up: libraries may differ in a sine's last
  /// bits, which would decide exact halves.
  private func offset(column: Int, width: Int) -> Int {
    let phase = 2 * Double.pi * Double(column * frequency) / Double(width)
    let fine = Int((Double(amplitude) * sin(phase) * 65536 + 0.5).rounded(.down))
    return (fine + 32768) >> 16
  }
}
