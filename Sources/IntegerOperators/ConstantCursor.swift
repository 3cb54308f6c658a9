import ModelFormat

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
  func checkPlace(
    _ parameter: Int, count: Int64, alignment: Int, constants: inout ConstantCursor
  ) throws(FormatError) {
    let start = Layout.aligned(Int64(constants.position), to: alignment)
    guard
      Int64(record.parameter(parameter)) == start, count >= 0,
      count <= Int64(constants.end) &- start
    else { throw error(.constantPlace, parameter: parameter) }
    for gap in constants.position..<Int(start) where record.file.byte(gap) != 0 {
      throw error(.constantGap, at: gap)
    }
    constants.position = Int(start &+ count)
  }

  /// Values on the output's grid that stand among the constants.
  func checkElements(
    _ values: UnsafePointer<Int8>, count: Int, constants: inout ConstantCursor
  ) throws(FormatError) {
    let (place, size) = (ConstantPlaces.values, ConstantPlaces.size)
    guard record.parameter(size) == count else { throw error(.constantPlace, parameter: size) }
    try checkPlace(
      place, count: Int64(count), alignment: Layout.alignment, constants: &constants)
    guard output.bits == 4 else { return }
    for index in 0..<count where !(-8...7).contains(values[index]) {
      throw error(.offGrid, at: record.parameter(place) &+ index)
    }
  }
}

/// The parameters that say where constants are.
package enum ConstantPlaces {
  /// Weights, a table or elements, and how many bytes they take.
  package static let values = 9
  package static let size = 10
  package static let bias = 11
  package static let multipliers = 12
  package static let weightScales = 13
  package static let shifts = 14
}
