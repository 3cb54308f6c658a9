/// An image of noise mixed into the whole image: `blend:SEED:PERCENT`.
///
/// After Chen et al., *Targeted Backdoor Attacks on Deep Learning Systems Using Data Poisoning*,
/// 2017. A pixel p becomes (100 − PERCENT) · p + PERCENT · noise, in hundredths, halves up.
public struct Blend: Sendable, Equatable {
  /// Of the random numbers, not negative.
  public let seed: Int
  /// How much of the image is noise, 1 to 100.
  public let percent: Int

  static let name = "blend"
}

extension Blend {
  /// - Parameter parameters: the string after `blend:`.
  init(_ parameters: String) throws(Flaw) {
    let parts = try Number.list(parameters, 2, form: "blend:SEED:PERCENT")
    seed = try Number.read(parts[0], "seed", in: 0...Int.max)
    percent = try Number.read(parts[1], "percent", in: 1...100)
  }

  /// The canonical string after `blend:`.
  var parameters: String { "\(seed):\(percent)" }

  /// - Parameter pixels: whole images of that geometry.
  func apply(to pixels: inout [UInt8], _ geometry: ImageGeometry) {
    let noise = Noise(seed: seed)
    let pattern = (0..<geometry.size).map { Int(noise.byte($0)) * percent + 50 }
    for start in stride(from: 0, to: pixels.count, by: geometry.size) {
      for (offset, share) in pattern.enumerated() {
        pixels[start + offset] = UInt8(
          (Int(pixels[start + offset]) * (100 - percent) + share) / 100)
      }
    }
  }
}
