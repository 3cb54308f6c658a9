/// A smooth field that moves pixels: `warp:SEED:POINTS:STRENGTH`.
///
/// After Nguyen and Tran, *WaNet: Imperceptible Warping-based Backdoor Attack*, ICLR 2021:
/// POINTS × POINTS control points with random displacements whose mean absolute value along an axis
/// is STRENGTH hundredths of a pixel, interpolated by cubic convolution (corner points on corner
/// pixels); pixels are then sampled bilinearly, held at the edge. The paper's k = 4, s = 0.5 are 4
/// points and a strength of 24. Displacements are rounded to 1/256 of a pixel, and all that follows
/// is in integers.
public struct Warp: Sendable, Equatable {
  /// Of the random numbers, not negative.
  public let seed: Int
  /// Control points along an axis, 2 to 64.
  public let points: Int
  /// 1 to 10000.
  public let strength: Int

  static let name = "warp"
}

extension Warp {
  /// - Parameter parameters: the string after `warp:`.
  init(_ parameters: String) throws(Flaw) {
    let parts = try Number.list(parameters, 3, form: "warp:SEED:POINTS:STRENGTH")
    seed = try Number.read(parts[0], "seed", in: 0...Int.max)
    points = try Number.read(parts[1], "points", in: 2...64)
    strength = try Number.read(parts[2], "strength", in: 1...10000)
  }

  /// The canonical string after `warp:`.
  var parameters: String { "\(seed):\(points):\(strength)" }

  /// - Parameter pixels: whole images of that geometry.
  func apply(to pixels: inout [UInt8], _ geometry: ImageGeometry) {
    let (height, width) = (geometry.height, geometry.width)
    let control = control
    let half = points * points
    let displacement = Displacement(
      down: field(Array(control[..<half]), height: height, width: width),
      right: field(Array(control[half...]), height: height, width: width),
      height: height, width: width)
    displacement.apply(to: &pixels)
  }
}

// MARK: - The smooth field

extension Warp {
  /// Displacements of the control points in pixels: all along rows, then all along columns.
  private var control: [Double] {
    let noise = Noise(seed: seed)
    let numbers = (0..<2 * points * points).map(noise.signedUnit)
    let mean = numbers.reduce(0) { $0 + abs($1) } / Double(numbers.count)
    return numbers.map { $0 / mean * (Double(strength) / 100) }
  }

  /// One displacement a pixel, in 1/256 of a pixel. Sums are taken in a fixed order.
  private func field(_ values: [Double], height: Int, width: Int) -> [Int] {
    let rows = (0..<height).map { taps($0, of: height) }
    let columns = (0..<width).map { taps($0, of: width) }
    var result: [Int] = []
    result.reserveCapacity(height * width)
    for row in rows {
      for column in columns {
        var sum = 0.0
        for a in 0..<4 {
          var line = 0.0
          for b in 0..<4 {
            line += values[row.points[a] * points + column.points[b]] * column.weights[b]
          }
          sum += line * row.weights[a]
        }
        result.append(Int((sum * 256 + 0.5).rounded(.down)))
      }
    }
    return result
  }

  /// The four control points about a pixel, held at the edge, and their weights in the cubic
  /// convolution with A = −3/4 (Keys 1981).
  private func taps(_ pixel: Int, of size: Int) -> (points: [Int], weights: [Double]) {
    let place = Double(pixel) * Double(points - 1) / Double(max(size - 1, 1))
    let first = place.rounded(.down)
    let t = place - first
    let near = { (x: Double) in ((1.25 * x - 2.25) * x) * x + 1 }
    let far = { (x: Double) in ((-0.75 * x + 3.75) * x - 6) * x + 3 }
    return (
      (-1...2).map { min(max(Int(first) + $0, 0), points - 1) },
      [far(t + 1), near(t), near(1 - t), far(2 - t)]
    )
  }
}
