/// Where every pixel of a plane is taken from: bilinearly between four neighbours, held at the edge.
struct Displacement {
  /// Neighbours in a plane, and where between them: 0 to 255 down and to the right.
  private struct Sample {
    let top: (left: Int, right: Int)
    let bottom: (left: Int, right: Int)
    let down: Int
    let right: Int
  }

  private let samples: [Sample]

  /// - Parameters:
  ///   - down: how far below its place each pixel comes from, in 1/256 of a pixel, row by row.
  ///   - right: how far to the right of it.
  init(down: [Int], right: [Int], height: Int, width: Int) {
    samples = (0..<height * width).map { place in
      let y = min(max(256 * (place / width) + down[place], 0), 256 * (height - 1))
      let x = min(max(256 * (place % width) + right[place], 0), 256 * (width - 1))
      let columns = (x >> 8, min((x >> 8) + 1, width - 1))
      let upper = (y >> 8) * width
      let lower = min((y >> 8) + 1, height - 1) * width
      return Sample(
        top: (upper + columns.0, upper + columns.1), bottom: (lower + columns.0, lower + columns.1),
        down: y & 255, right: x & 255)
    }
  }

  /// Moves every plane of `pixels`, halves rounded up.
  ///
  /// - Parameter pixels: whole planes of that height and width.
  func apply(to pixels: inout [UInt8]) {
    for start in stride(from: 0, to: pixels.count, by: samples.count) {
      let moved = samples.map { sample in
        func line(_ row: (left: Int, right: Int)) -> Int {
          Int(pixels[start + row.left]) * (256 - sample.right)
            + Int(pixels[start + row.right]) * sample.right
        }
        let sum = line(sample.top) * (256 - sample.down) + line(sample.bottom) * sample.down
        return UInt8((sum + 32768) >> 16)
      }
      pixels.replaceSubrange(start..<start + samples.count, with: moved)
    }
  }
}
