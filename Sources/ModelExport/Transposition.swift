/// Each block of [rows][columns] turned to [columns][rows].
struct Transposition {
  var rows, columns: Int

  /// - Parameter values: whole blocks.
  func callAsFunction(_ values: [Int8]) -> [Int8] {
    var result: [Int8] = []
    result.reserveCapacity(values.count)
    for block in stride(from: 0, to: values.count, by: max(rows * columns, 1)) {
      for column in 0..<columns {
        for row in 0..<rows { result.append(values[block + row * columns + column]) }
      }
    }
    return result
  }
}
