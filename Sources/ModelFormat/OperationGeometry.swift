/// Extents, windows and places of an operation.
extension OperationContext {
  func checkSameExtent(as other: TensorView) throws(FormatError) {
    guard output.hasExtent(of: other) else { throw error(.outputExtent) }
  }

  func checkGrid(of other: TensorView) throws(FormatError) {
    guard output.hasGrid(of: other) else { throw error(.grids) }
  }

  func checkPool() throws(FormatError) {
    try checkGrid(of: input)
    guard output.channels == input.channels else { throw error(.outputExtent) }
    try checkWindow()
    let window = WindowView(record)
    let taps = Int64(window.kernelHeight) &* Int64(window.kernelWidth)
    guard taps < 1 << 23 else { throw error(.poolArea, at: record.place(0)) }
    // Along an axis a window that begins in the padding reaches the input with its first tap at
    // or after 0, which is less than one dilation away: it is inside where that is not more than
    // the input's extent.
    guard window.padTop == 0 || window.dilationHeight <= input.height else {
      throw error(.windowPadding, at: record.place(Layout.Parameter.padTop))
    }
    guard window.padLeft == 0 || window.dilationWidth <= input.width else {
      throw error(.windowPadding, at: record.place(Layout.Parameter.padLeft))
    }
  }

  func checkWindow() throws(FormatError) {
    for parameter in Layout.Parameter.kernelHeight...Layout.Parameter.dilationWidth
    where !(1...Layout.largestStep).contains(record.parameter(parameter)) {
      throw error(.windowStep, at: record.place(parameter))
    }
    // Height's parameters are the even ones, width's the odd.
    try checkWindowAxis(0, input: input.height, output: output.height)
    try checkWindowAxis(1, input: input.width, output: output.width)
  }

  /// The padding after the last element is implied: what the last window reaches beyond it.
  /// Negative, it counts the elements that no window reaches.
  private func checkWindowAxis(
    _ axis: Int, input: Int, output: Int
  ) throws(FormatError) {
    let kernel = Int64(record.parameter(Layout.Parameter.kernelHeight &+ axis))
    let stride = Int64(record.parameter(Layout.Parameter.strideHeight &+ axis))
    let dilation = Int64(record.parameter(Layout.Parameter.dilationHeight &+ axis))
    let before = Int64(record.parameter(Layout.Parameter.padTop &+ axis))
    let reach = (kernel &- 1) &* dilation &+ 1
    guard before >= 0, before < reach else {
      throw error(.windowPadding, at: record.place(Layout.Parameter.padTop &+ axis))
    }
    let span = Int64(output &- 1) &* stride &+ reach
    let after = span &- before &- Int64(input)
    guard span <= Layout.largest, after < reach, after > -stride else {
      throw error(.windowOutput, at: record.place(Layout.Parameter.kernelHeight &+ axis))
    }
  }

  /// Returns the output channels' row length: weights that one output channel has.
  func checkWeightedExtent() throws(FormatError) -> WeightShape {
    switch kind {
    case .fullyConnected:
      guard output.height == 1, output.width == 1 else { throw error(.outputExtent) }
      return WeightShape(rows: output.channels, rowLength: Int64(input.elementCount))
    case .depthwiseConvolution:
      guard output.channels == input.channels else { throw error(.outputExtent) }
      try checkWindow()
      let window = WindowView(record)
      let taps = window.kernelHeight.multipliedReportingOverflow(by: window.kernelWidth)
      guard !taps.overflow else {
        throw error(.constantPlace, at: record.place(Layout.Parameter.weights))
      }
      return WeightShape(rows: taps.partialValue, rowLength: Int64(input.channels))
    default:
      let groups = record.parameter(Layout.Parameter.groups)
      guard groups >= 1, input.channels % groups == 0, output.channels % groups == 0 else {
        throw error(.groups, at: record.place(Layout.Parameter.groups))
      }
      try checkWindow()
      let window = WindowView(record)
      let taps = Int64(window.kernelHeight) &* Int64(window.kernelWidth)
      return WeightShape(
        rows: output.channels, rowLength: taps &* Int64(input.channels / groups))
    }
  }

  func checkPad() throws(FormatError) {
    try checkGrid(of: input)
    for axis in 0..<3 {
      let before = record.parameter(axis)
      guard before >= 0, Int64(before) &+ Int64(input[axis: axis]) <= Int64(output[axis: axis])
      else { throw error(.padding, at: record.place(axis)) }
    }
    let value = Int(record.value)
    guard value >= output.lowest, value <= output.highest else {
      throw error(.clampRange, at: record.offset &+ Layout.Operation.value)
    }
  }

  func checkSlice() throws(FormatError) {
    try checkGrid(of: input)
    for axis in 0..<3 {
      let start = record.parameter(axis)
      let step = record.parameter(3 &+ axis)
      guard start >= 0, step >= 1 else { throw error(.slice, at: record.place(axis)) }
      let last = Int64(start) &+ Int64(step) &* Int64(output[axis: axis] &- 1)
      guard last < Int64(input[axis: axis]) else { throw error(.slice, at: record.place(axis)) }
    }
  }
}

/// Operations that only move values, or look them up.
extension OperationContext {
  func checkTranspose() throws(FormatError) {
    try checkGrid(of: input)
    var seen = 0
    for axis in 0..<3 {
      let source = record.parameter(axis)
      guard (0..<3).contains(source), seen & (1 &<< source) == 0 else {
        throw error(.axis, at: record.place(axis))
      }
      seen |= 1 &<< source
      guard output[axis: axis] == input[axis: source] else { throw error(.outputExtent) }
    }
  }

  func checkReshape() throws(FormatError) {
    try checkGrid(of: input)
    guard output.elementCount == input.elementCount else { throw error(.outputExtent) }
  }

  func checkBroadcast() throws(FormatError) {
    try checkGrid(of: input)
    for axis in 0..<3 where input[axis: axis] != output[axis: axis] && input[axis: axis] != 1 {
      throw error(.outputExtent)
    }
  }

  func checkLookup(constants: inout ConstantCursor) throws(FormatError) {
    try checkSameExtent(as: input)
    guard input.bits == 8 else { throw error(.grids) }
    try checkElements(count: Layout.lookupSize, constants: &constants)
  }

  func checkConstant(constants: inout ConstantCursor) throws(FormatError) {
    try checkElements(count: output.elementCount, constants: &constants)
  }

  /// Values on the output's grid that stand among the constants.
  private func checkElements(
    count: Int, constants: inout ConstantCursor
  ) throws(FormatError) {
    guard record.parameter(Layout.Parameter.weightSize) == count else {
      throw error(.constantPlace, at: record.place(Layout.Parameter.weightSize))
    }
    try place(
      Layout.Parameter.weights, count: Int64(count), alignment: Layout.alignment,
      constants: &constants)
    guard output.bits == 4 else { return }
    let values = record.constants
    for index in 0..<count where !(-8...7).contains(values[index]) {
      throw error(.offGrid, at: record.parameter(Layout.Parameter.weights) &+ index)
    }
  }
}

/// Weights as the file packs them: rows that each begin on a byte of their own.
struct WeightShape {
  let rows: Int
  /// At most 2⁶³ − 1 by construction: taps below 2³² times channels below 2³¹.
  let rowLength: Int64
}
