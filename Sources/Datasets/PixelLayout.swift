/// The order of an image's axes in memory.
enum PixelLayout: String, Codable {
  /// Channels, height, width: one plane after another.
  case planes = "NCHW"
  /// Height, width, channels: one pixel after another.
  case pixels = "NHWC"

  /// `pixels` of so many channels as planes. Whole images, [N][…].
  func planes(_ values: [UInt8], channels: Int, area: Int) -> [UInt8] {
    self == .pixels ? Self.transposed(values, rows: area, columns: channels) : values
  }

  /// Each [rows][columns] as [columns][rows].
  static func transposed(_ values: [UInt8], rows: Int, columns: Int) -> [UInt8] {
    guard rows > 1, columns > 1 else { return values }
    return [UInt8](unsafeUninitializedCapacity: values.count) { output, count in
      for start in stride(from: 0, to: values.count, by: rows * columns) {
        for column in 0..<columns {
          for row in 0..<rows {
            output.initializeElement(
              at: start + column * rows + row, to: values[start + row * columns + column])
          }
        }
      }
      count = values.count
    }
  }
}
