/// Writes FlatBuffers, from the last byte to the first: whatever refers to something is written
/// after it, and so lies before it in the file, as offsets without a sign demand.
///
/// The same calls give the same bytes; equal vtables are written once.
struct FlatBufferBuilder {
  /// Something already written: the distance of its first byte from the file's end.
  struct Reference: Hashable { fileprivate let distance: Int }

  enum Field {
    /// A number's, least significant first.
    case bytes([UInt8])
    case reference(Reference)

    static func number(_ value: some FixedWidthInteger) -> Field { .bytes(littleEndian(value)) }

    fileprivate var size: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .reference: 4
      }
    }
  }

  /// The file's bytes, last one first.
  private var reversed: [UInt8] = []
  private var vtables: [[UInt8]: Int] = [:]

  /// Zeros, so that what is written next and takes `count` bytes begins at a multiple of `alignment`
  /// from the file's end, whose length finally is one of 16.
  private mutating func align(to alignment: Int, for count: Int) {
    while (reversed.count + count) % alignment != 0 { reversed.append(0) }
  }

  private mutating func append(_ bytes: [UInt8]) { reversed.append(contentsOf: bytes.reversed()) }

  private mutating func append(to reference: Reference) {
    append(littleEndian(UInt32(truncatingIfNeeded: reversed.count + 4 - reference.distance)))
  }

  private var here: Reference { Reference(distance: reversed.count) }

  // MARK: Vectors

  /// A vector of bytes whose first lies at a multiple of `alignment` (a power of two up to 16).
  mutating func vector(bytes: [UInt8], count: Int? = nil, alignment: Int = 4) -> Reference {
    align(to: max(alignment, 4), for: bytes.count)
    append(bytes)
    append(littleEndian(UInt32(count ?? bytes.count)))
    return here
  }

  mutating func vector<Value: FixedWidthInteger>(_ values: [Value]) -> Reference {
    vector(
      bytes: values.flatMap(littleEndian), count: values.count, alignment: Value.bitWidth / 8)
  }

  mutating func vector(_ references: [Reference]) -> Reference {
    align(to: 4, for: 4 * references.count)
    for reference in references.reversed() { append(to: reference) }
    append(littleEndian(UInt32(references.count)))
    return here
  }

  /// UTF-8, with the zero that the format wants behind it.
  mutating func string(_ text: String) -> Reference {
    vector(bytes: text.utf8 + [0], count: text.utf8.count)
  }

  // MARK: Tables

  /// A table of the fields that are given; the reader takes a default for every other one.
  mutating func table(_ fields: [(id: Int, value: Field)]) -> Reference {
    let start = reversed.count
    var places: [(id: Int, distance: Int)] = []
    // Small fields last in the file's order, so that padding is at the end.
    for (id, value) in fields.sorted(by: { ($0.value.size, $0.id) < ($1.value.size, $1.id) }) {
      align(to: value.size, for: value.size)
      switch value {
      case .bytes(let bytes): append(bytes)
      case .reference(let reference): append(to: reference)
      }
      places.append((id, reversed.count))
    }
    align(to: 4, for: 4)
    append([0, 0, 0, 0])
    let table = reversed.count
    var offsets = [UInt16](repeating: 0, count: (fields.map(\.id).max() ?? -1) + 1)
    for (id, distance) in places { offsets[id] = UInt16(table - distance) }
    let header = [UInt16(4 + 2 * offsets.count), UInt16(table - start)]
    let vtable = (header + offsets).flatMap(littleEndian)
    let place: Int
    if let known = vtables[vtable] {
      place = known
    } else {
      align(to: 2, for: vtable.count)
      append(vtable)
      place = reversed.count
      vtables[vtable] = place
    }
    // Where the table begins stands how far before it its vtable does.
    let offset = littleEndian(Int32(place - table))
    reversed.replaceSubrange(table - 4..<table, with: offset.reversed())
    return Reference(distance: table)
  }

  /// The finished file.
  ///
  /// - Parameter identifier: four ASCII characters.
  mutating func finish(_ root: Reference, identifier: StaticString) -> [UInt8] {
    align(to: 16, for: 8)
    identifier.withUTF8Buffer { append(Array($0)) }
    append(to: root)
    return reversed.reversed()
  }
}

/// The bytes of a number, least significant first.
func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
