import CupelModelFormat

/// Where the next constant must begin. Constants stand in operation order: weights, a table or
/// elements at the next multiple of 16; behind weights bias, multipliers and weight scales at
/// multiples of 4, then shifts.
package struct ConstantCursor {
  var position: Int
  let end: Int

  init(_ section: Section) {
    position = section.offset
    end = section.offset &+ section.count
  }
}

extension OperationContext {
  /// Checks that the array whose offset is `parameter` begins at the cursor, rounded up, with
  /// zeros in the gap, and ends inside the section.
  mutating func checkPlace(_ parameter: Int, count: Int64, alignment: Int) throws(FormatError) {
    let start = Layout.aligned(Int64(constants.position), to: alignment)
    let isInside = count >= 0 && count <= Int64(constants.end) &- start
    try demand(
      Int64(record.parameter(parameter)) == start && isInside, .constantPlace, parameter: parameter)
    for gap in constants.position..<Int(start) where record.file.byte(gap) != 0 {
      throw error(.constantGap, at: gap)
    }
    constants.position = Int(start &+ count)
  }

  /// Values on the output's grid that stand among the constants.
  mutating func checkElements(_ values: UnsafePointer<Int8>, count: Int) throws(FormatError) {
    let (place, size) = (ConstantPlaces.values, ConstantPlaces.size)
    let bytes = output.isWide ? Int64(count) &<< 1 : Int64(count)
    try demand(Int64(record.parameter(size)) == bytes, .constantPlace, parameter: size)
    try checkPlace(place, count: bytes, alignment: Layout.alignment)
    guard output.bits == 4 else { return }
    for index in 0..<count where !(-8...7).contains(values[index]) {
      throw error(.offGrid, at: record.parameter(place) &+ index)
    }
  }
}
