/// Checks the rules of `docs/format.md` beyond the header, one extension a subject.
///
/// Fields are read as signed 32-bit numbers, so one above 2³¹ − 1 is negative and falls to the
/// range check that every field gets before it is used. Sums and products are 64-bit.
package struct Validator {
  package let header: Header
  package let file: UnsafeRawPointer

  package init(header: Header, file: UnsafeRawPointer) {
    self.header = header
    self.file = file
  }

  package func tensorPlace(_ index: Int) -> Int { header.tensors.offset &+ index &* Layout.tensorSize }

  package func operationPlace(_ index: Int) -> Int {
    header.operations.offset &+ index &* Layout.operationSize
  }

  /// A tensor whose index has been checked.
  package func tensor(_ index: Int) -> TensorView { TensorView(record: tensorPlace(index), in: file) }

  /// The time at which the output is read: after every operation.
  var endOfTime: Int { header.operations.count &+ 1 }
}

// MARK: - Tensor records

extension Validator {
  package func checkTensors() throws(FormatError) {
    var arenaEnd: Int64 = 0
    for index in 0..<header.tensors.count {
      arenaEnd = max(arenaEnd, try checkTensor(index))
    }
    guard Layout.aligned(arenaEnd) == Int64(header.arenaSize) else {
      throw FormatError(.arenaSize, .header, at: Layout.Header.arenaSize)
    }
    let input = tensor(header.input)
    guard input.born == 0, input.bits == 8 else {
      throw FormatError(.inputTensor, .header, at: Layout.Header.input)
    }
    guard tensor(header.output).lastUse == endOfTime else {
      throw FormatError(.outputTensor, .header, at: Layout.Header.output)
    }
  }

  /// Returns where the tensor ends in the arena.
  private func checkTensor(_ index: Int) throws(FormatError) -> Int64 {
    let place = tensorPlace(index)
    let count = try checkExtent(index)
    try checkGrid(index)
    let offset = file.number(place &+ Layout.Tensor.arenaOffset)
    let end = Int64(offset) &+ count
    guard offset >= 0, offset % Layout.alignment == 0, end <= Int64(header.arenaSize) else {
      throw FormatError(.arenaPlace, .tensor(index), at: place &+ Layout.Tensor.arenaOffset)
    }
    let born = file.number(place &+ Layout.Tensor.born)
    guard (0..<endOfTime).contains(born) else {
      throw FormatError(.born, .tensor(index), at: place &+ Layout.Tensor.born)
    }
    let lastUse = file.number(place &+ Layout.Tensor.lastUse)
    guard lastUse > born, lastUse <= endOfTime else {
      throw FormatError(.lastUse, .tensor(index), at: place &+ Layout.Tensor.lastUse)
    }
    return end
  }

  /// Returns the number of elements. The three extents stand one after the other.
  private func checkExtent(_ index: Int) throws(FormatError) -> Int64 {
    var count: Int64 = 1
    for axis in 0..<3 {
      let place = tensorPlace(index) &+ Layout.Tensor.height &+ 4 &* axis
      let extent = file.number(place)
      guard extent >= 1 else { throw FormatError(.extent, .tensor(index), at: place) }
      count = count &* Int64(extent)
      guard count <= Layout.largest else {
        throw FormatError(.elementCount, .tensor(index), at: place)
      }
    }
    return count
  }

  private func checkGrid(_ index: Int) throws(FormatError) {
    let place = tensorPlace(index)
    let bits = file.byte(place &+ Layout.Tensor.bits)
    guard bits == 8 || bits == 4 else {
      throw FormatError(.bits, .tensor(index), at: place &+ Layout.Tensor.bits)
    }
    let zeroPoint = file.signedByte(place &+ Layout.Tensor.zeroPoint)
    guard bits == 8 || (-8...7).contains(zeroPoint) else {
      throw FormatError(.zeroPoint, .tensor(index), at: place &+ Layout.Tensor.zeroPoint)
    }
    guard file.half(place &+ Layout.Tensor.reserved) == 0 else {
      throw FormatError(.reserved, .tensor(index), at: place &+ Layout.Tensor.reserved)
    }
    let scale = FloatBits(file.word(place &+ Layout.Tensor.scale))
    guard scale.isFinite, !scale.isNegative, !scale.isZero else {
      throw FormatError(.tensorScale, .tensor(index), at: place &+ Layout.Tensor.scale)
    }
  }
}
