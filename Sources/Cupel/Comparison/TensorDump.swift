import CupelDatasets
import CupelIntegerBuilder
import CupelSupport

/// Tensors of another runtime: a `.npz` file with arrays of [images, …].
package struct TensorDump {
  package enum Layout: String, Sendable {
    /// Images, channels, height, width.
    case nchw
    /// Images, height, width, channels.
    case nhwc
  }

  let path: String
  let names: Set<String>
  private let archive: NumpyArchive
  private let layout: Layout?
  private static let largestArray = 1 << 28
  /// Each becomes an Int: half a gibibyte.
  private static let mostElements = 1 << 26

  package init(path: String, layout: Layout?) throws {
    self.path = path
    self.layout = layout
    archive = try NumpyArchive(path: path, limit: Self.largestArray)
    names = Set(archive.names)
  }

  /// A tensor's values on its grid, [images][height][width][channels]; nil where the file has no
  /// array of its name.
  ///
  /// Unsigned bytes are moved by 128 to signed ones, floats are quantized, and other integers are
  /// taken as they are.
  func values(of tensor: TensorList.Description) throws -> (images: Int, values: [Int])? {
    guard let array = try archive.array(tensor.name) else { return nil }
    let size = tensor.elementCount
    guard let images = array.shape.first, images > 0, array.count / images == size,
      array.count % images == 0
    else { throw failure(tensor, "has the shape \(array.shape)") }
    guard array.count <= Self.mostElements else {
      throw failure(tensor, "has more than \(Self.mostElements) elements")
    }
    var values: [Int]
    if array.type.isFloat {
      values = array.floats().map { $0.isNaN ? 0 : tensor.grid.quantize($0) }
    } else if let integers = array.integers() {
      let offset = array.type == .uint8 ? (tensor.grid.bits == 4 ? 8 : 128) : 0
      // What lies beyond 32 bits is wrong by as much as it matters to know.
      values = integers.map { min(max($0, Int(Int32.min)), Int(Int32.max)) - offset }
    } else {
      throw failure(tensor, "has integers beyond 63 bits")
    }
    if try isChannelFirst(array.shape, tensor) {
      values = Transposition(rows: tensor.extent[2], columns: size / tensor.extent[2])(values)
    }
    return (images, values)
  }

  private func isChannelFirst(_ shape: [Int], _ tensor: TensorList.Description) throws -> Bool {
    let (height, width, channels) = (tensor.extent[0], tensor.extent[1], tensor.extent[2])
    // With one channel or one pixel both orders are the same.
    if channels == 1 || height * width == 1 { return false }
    let inner = Array(shape.dropFirst())
    let first = inner == [channels, height, width]
    let last = inner == [height, width, channels]
    switch (first, last, layout) {
    case (true, false, _), (true, true, .nchw?): return true
    case (false, true, _), (true, true, .nhwc?): return false
    case (true, true, nil):
      throw failure(tensor, "has a shape that both orders of axes give; say --dump-layout")
    case (false, false, _):
      throw failure(tensor, "has the shape \(shape), the tensor \(tensor.extent)")
    }
  }

  private func failure(_ tensor: TensorList.Description, _ rule: String) -> CupelError {
    CupelError("\(path): '\(printable(tensor.name))' \(rule)")
  }
}
