/// Names and metadata. Strings stand in the order of their records, back to back, so their
/// offsets are determined and none can overlap another.
extension Validator {
  package func checkStrings() throws(FormatError) {
    var cursor = header.strings.offset
    for index in 0..<header.tensors.count {
      let place = tensorPlace(index) &+ Layout.Tensor.name
      try checkName(place, record: .tensor(index), cursor: &cursor)
    }
    for index in 0..<header.operations.count {
      let place = operationPlace(index) &+ Layout.Operation.name
      try checkName(place, record: .operation(index), cursor: &cursor)
    }
    for index in 0..<header.metadata.count { try checkMetadata(index, cursor: &cursor) }
    let end = header.strings.offset &+ header.strings.count
    try FormatRecord.header.demand(cursor == end, .stringPlace, at: cursor)
  }

  private func checkName(
    _ place: Int, record: FormatRecord, cursor: inout Int
  ) throws(FormatError) {
    let name = try string(place, record: record, cursor: &cursor)
    try record.demand(isUTF8(name, allowingControls: false), .stringText, at: file.number(place))
  }

  private func checkMetadata(_ index: Int, cursor: inout Int) throws(FormatError) {
    let place = header.metadata.offset &+ index &* Layout.metadataSize
    let record = FormatRecord.metadata(index)
    let key = try string(place, record: record, cursor: &cursor)
    let value = try string(place &+ 8, record: record, cursor: &cursor)
    let isKey = !key.isEmpty && key.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    try record.demand(isKey, .metadataKey, at: file.number(place))
    try record.demand(
      isUTF8(value, allowingControls: true), .stringText, at: file.number(place &+ 8))
    guard index > 0 else { return }
    let before = place &- Layout.metadataSize
    let previous = UnsafeRawBufferPointer(
      start: file + file.number(before), count: file.number(before &+ 4))
    try record.demand(previous.lexicographicallyPrecedes(key), .metadataOrder, at: place)
  }

  /// The bytes of the string whose offset and length stand at `place`; they must begin at
  /// `cursor`, which moves behind them.
  private func string(
    _ place: Int, record: FormatRecord, cursor: inout Int
  ) throws(FormatError) -> UnsafeRawBufferPointer {
    let offset = file.number(place)
    let count = file.number(place &+ 4)
    let end = header.strings.offset &+ header.strings.count
    let isInside = offset == cursor && count >= 0 && count <= end &- cursor
    try record.demand(isInside, .stringPlace, at: place)
    cursor = cursor &+ count
    return UnsafeRawBufferPointer(start: file + offset, count: count)
  }
}

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7: no overlong form, no surrogate,
/// nothing above U+10FFFF) and, unless allowed, free of the control characters U+0000 to U+001F
/// and U+007F to U+009F. Names are printed on terminals, which such characters can command.
package func isUTF8(_ text: UnsafeRawBufferPointer, allowingControls: Bool) -> Bool {
  var index = 0
  while index < text.count {
    let lead = text[index]
    index = index &+ 1
    if lead < 0x80 {
      guard allowingControls || (lead >= 0x20 && lead != 0x7F) else { return false }
      continue
    }
    guard (0xC2...0xF4).contains(lead) else { return false }
    let trailing = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3
    guard text.count &- index >= trailing else { return false }
    guard secondByteRange(lead).contains(text[index]) else { return false }
    guard allowingControls || lead != 0xC2 || text[index] >= 0xA0 else { return false }
    for offset in 1..<max(trailing, 1) where text[index &+ offset] & 0xC0 != 0x80 { return false }
    index = index &+ trailing
  }
  return true
}

/// The bytes that may follow `lead` of a sequence of two or more.
private func secondByteRange(_ lead: UInt8) -> ClosedRange<UInt8> {
  switch lead {
  case 0xE0: 0xA0...0xBF
  case 0xED: 0x80...0x9F
  case 0xF0: 0x90...0xBF
  case 0xF4: 0x80...0x8F
  default: 0x80...0xBF
  }
}
