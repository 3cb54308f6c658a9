import CupelFixedPoint

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

  package func tensorPlace(_ index: Int) -> Int {
    header.tensors.offset &+ index &* Layout.tensorSize
  }

  package func operationPlace(_ index: Int) -> Int {
    header.operations.offset &+ index &* Layout.operationSize
  }

  /// A tensor whose index has been checked.
  package func tensor(_ index: Int) -> TensorView {
    TensorView(record: tensorPlace(index), in: file)
  }

  /// The time at which the output is read: after every operation.
  var endOfTime: Int { header.operations.count &+ 1 }
}

// MARK: - Tensor records

extension Validator {
  private typealias Place = Layout.Tensor

  package func checkTensors() throws(FormatError) {
    let record = FormatRecord.header
    try record.demand(
      header.operations.count == header.tensors.count &- inputCount, .operationCount,
      at: Layout.Header.sections &+ 12)
    var arenaEnd: Int64 = 0
    for index in 0..<header.tensors.count {
      arenaEnd = max(arenaEnd, try checkTensor(index))
    }
    let isFilled = Layout.aligned(arenaEnd) == Int64(header.arenaSize)
    try record.demand(isFilled, .arenaSize, at: Layout.Header.arenaSize)
    try record.demand(header.major == majorVersion, .version, at: Layout.Header.major)
    try checkInputs()
    try record.demand(
      tensor(header.output).lastUse == endOfTime, .outputTensor, at: Layout.Header.output)
  }

  /// How many tensors are born at the beginning.
  private var inputCount: Int {
    var count = 0
    for index in 0..<header.tensors.count where tensor(index).born == 0 { count = count &+ 1 }
    return count
  }

  /// That the header names the first input.
  private func checkInputs() throws(FormatError) {
    var first = true
    for index in 0..<header.tensors.count where tensor(index).born == 0 {
      let isInput = tensor(index).bits >= 8 && (!first || index == header.input)
      try FormatRecord.header.demand(isInput, .inputTensor, at: Layout.Header.input)
      first = false
    }
    try FormatRecord.header.demand(!first, .inputTensor, at: Layout.Header.input)
  }

  /// The version of a file with tensors of 16 bits, or without.
  package var majorVersion: UInt16 {
    for index in 0..<header.tensors.count where tensor(index).isWide { return Layout.wideMajor }
    return Layout.major
  }

  /// The least version that has as many inputs and outputs as there are.
  package var endsVersion: UInt16 {
    var outputs = 0
    for index in 0..<header.tensors.count where tensor(index).lastUse == endOfTime {
      outputs = outputs &+ 1
    }
    return inputCount == 1 && outputs == 1 ? 0 : Layout.severalMinor
  }

  /// Returns where the tensor ends in the arena.
  private func checkTensor(_ index: Int) throws(FormatError) -> Int64 {
    let place = tensorPlace(index)
    let count = try checkExtent(index)
    try checkGrid(index)
    let record = FormatRecord.tensor(index)
    let offset = file.number(place &+ Place.arenaOffset)
    let end = Int64(offset) &+ (tensor(index).isWide ? count &<< 1 : count)
    let isInside = offset >= 0 && offset % Layout.alignment == 0 && end <= Int64(header.arenaSize)
    try record.demand(isInside, .arenaPlace, at: place &+ Place.arenaOffset)
    let born = file.number(place &+ Place.born)
    try record.demand((0..<endOfTime).contains(born), .born, at: place &+ Place.born)
    let lastUse = file.number(place &+ Place.lastUse)
    try record.demand(lastUse > born && lastUse <= endOfTime, .lastUse, at: place &+ Place.lastUse)
    return end
  }

  /// Returns the number of elements. The three extents stand one after the other.
  private func checkExtent(_ index: Int) throws(FormatError) -> Int64 {
    var count: Int64 = 1
    for axis in 0..<3 {
      let place = tensorPlace(index) &+ Place.height &+ 4 &* axis
      let extent = file.number(place)
      try FormatRecord.tensor(index).demand(extent >= 1, .extent, at: place)
      count = count &* Int64(extent)
      try FormatRecord.tensor(index).demand(count <= Layout.largest, .elementCount, at: place)
    }
    return count
  }

  private func checkGrid(_ index: Int) throws(FormatError) {
    let place = tensorPlace(index)
    let record = FormatRecord.tensor(index)
    let bits = file.byte(place &+ Place.bits)
    let isWide = WideActivations.isThere && bits == 16
    try record.demand(bits == 8 || bits == 4 || isWide, .bits, at: place &+ Place.bits)
    let zeroPoint = file.signedByte(place &+ Place.zeroPoint)
    let isOnGrid = isWide ? zeroPoint == 0 : bits == 8 || (-8...7).contains(zeroPoint)
    try record.demand(isOnGrid, .zeroPoint, at: place &+ Place.zeroPoint)
    let reserved = file.half(place &+ Place.reserved)
    try record.demand(reserved == 0, .reserved, at: place &+ Place.reserved)
    let scale = FloatBits(file.word(place &+ Place.scale))
    let isPositive = scale.isFinite && !scale.isNegative && !scale.isZero
    try record.demand(isPositive, .tensorScale, at: place &+ Place.scale)
  }
}
