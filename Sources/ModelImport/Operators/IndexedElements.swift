import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Elements, or runs of them, that constant indices name by several axes at once: read, or written
/// into zeros or into another activation. The leading axes together are the rows of a matrix, so that
/// each is one gather of rows.
extension OperatorRoom {
  static let indexedElements = OperatorRoom(
    TFLiteRow(
      .gatherND, takesPlainIntegers: true, float: { try $0.gatherRows() },
      integer: { try $0.gatherRows() }),
    TFLiteRow(.scatterND, float: { try $0.scatterRows() }),
    TFLiteRow(
      .dynamicUpdateSlice, takesPlainIntegers: true, float: { try $0.updateSlice() },
      integer: { try $0.updateSlice() }))
}

/// An array as a matrix, and some of its rows.
private struct IndexedRows {
  /// How many rows there are, and elements of each.
  var shape: [Int]
  var places: [Int]
}

extension TFLiteConverter {
  /// The rows of an array that constant indices name: the last axis of the indices' tensor has a
  /// number for each of the array's leading axes.
  fileprivate mutating func rows(
    of shape: [Int], at position: Int
  ) throws(ImportError) -> IndexedRows {
    let own = try node.tensor(position).shape
    guard let depth = own.last, depth >= 1, depth <= shape.count,
      let count = TFLiteShape.elementCount(own)
    else { throw node.error("indices of shape \(own) into \(shape)") }
    try claim(count, size: 16)
    let indices = try node.integers(position, "indices", atMost: count)
    var places: [Int] = []
    for start in stride(from: 0, to: count, by: depth) {
      var place = 0
      for axis in 0..<depth {
        let index = indices[start + axis]
        try node.require(
          (0..<shape[axis]).contains(index), "index \(index) of axis \(axis) of \(shape)")
        place = place * shape[axis] + index
      }
      places.append(place)
    }
    let (leading, rest) = (shape[..<depth], shape[depth...])
    return IndexedRows(shape: [leading.reduce(1, *), rest.reduce(1, *)], places: places)
  }

  /// An update of an array as rows of both, the update's behind the array's: which of them the result
  /// has.
  ///
  /// - Returns: the array's rows and what they are then, and the number of the update's rows.
  fileprivate mutating func rows(
    of shape: [Int], updatedBy update: [Int]
  ) throws(ImportError) -> (own: IndexedRows, updates: Int) {
    let start = try node.integers(2, "the start of an update")
    guard update.count == shape.count, start.count == shape.count,
      zip(update, shape).allSatisfy({ $0 <= $1 })
    else { throw node.error("an update of \(update) at \(start) in \(shape)") }
    // Axes that the update fills, behind all others, are one row.
    let depth = (shape.indices.last { update[$0] != shape[$0] } ?? -1) + 1
    let (leading, rest) = (shape[..<depth], shape[depth...])
    let (count, updates) = (leading.reduce(1, *), update[..<depth].reduce(1, *))
    try claim(count, size: 16)
    var places = Array(0..<count)
    for row in 0..<updates {
      var (left, stride, place) = (row, 1, 0)
      for axis in (0..<depth).reversed() {
        // LiteRT moves an update that would reach over the end back.
        let first = min(max(start[axis], 0), shape[axis] - update[axis])
        place += (first + left % update[axis]) * stride
        (left, stride) = (left / update[axis], stride * shape[axis])
      }
      places[place] = count + row
    }
    return (IndexedRows(shape: [count, rest.reduce(1, *)], places: places), updates)
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func gatherRows() throws(ImportError) {
    let input = try array()
    let rows = try rows(of: input.shape, at: 1)
    let matrix = try viewed(input, as: rows.shape, "/rows")
    try finish(try picked(matrix, [rows.places, nil]))
  }

  /// Zeros where no index leads: a row of them stands behind the updates.
  fileprivate mutating func scatterRows() throws(ImportError) {
    let shape = try axes(of: try node.output())
    let stated = try node.integers(2, "the shape")
    try node.require(stated == shape, "a shape of \(stated) that its output has not")
    let rows = try rows(of: shape, at: 0)
    let updates = try array(1)
    let count = rows.places.count
    try node.require(
      updates.shape.reduce(1, *) == count * rows.shape[1],
      "\(count) rows of \(rows.shape[1]) elements from \(updates.shape)")
    try claim(rows.shape[0], size: 16)
    var places = [Int](repeating: count, count: rows.shape[0])
    for (index, place) in rows.places.enumerated() {
      try node.support(places[place] == count, "indices that name a place twice")
      places[place] = index
    }
    let matrix = try viewed(updates, as: [count, rows.shape[1]], "/rows")
    let padding = FloatGraph.Pad(before: [0, 0], after: [1, 0], value: 0)
    let padded = try made(.pad(padding), [matrix], "/zeros")
    try finish(try picked(padded, [places, nil]))
  }

  fileprivate mutating func updateSlice() throws(ImportError) {
    let (input, update) = (try array(0), try array(1))
    let (rows, updates) = try rows(of: input.shape, updatedBy: update.shape)
    let matrices = [
      try viewed(input, as: rows.shape, "/rows"),
      try viewed(update, as: [updates, rows.shape[1]], "/updates"),
    ]
    let joined = try joined(matrices, axis: 0, "/joined")
    try finish(try picked(joined, [rows.places, nil]))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func gatherRows() throws(ImportError) {
    var input = try array(like: try description(try node.output()))
    let rows = try rows(of: input.shape, at: 1)
    input.shape = rows.shape
    try finish(builder.gather(input, axis: 0, indices: rows.places))
  }

  fileprivate mutating func updateSlice() throws(ImportError) {
    let output = try description(try node.output())
    var (input, update) = (try array(0, like: output), try array(1, like: output))
    let (rows, updates) = try rows(of: input.shape, updatedBy: update.shape)
    (input.shape, update.shape) = (rows.shape, [updates, rows.shape[1]])
    let name = Self.derived(output.name, "/joined")
    let joined = builder.array(
      builder.join([input, update], axis: 0, named: name),
      shape: [rows.shape[0] + updates, rows.shape[1]], named: name)
    try finish(builder.gather(joined, axis: 0, indices: rows.places))
  }
}
