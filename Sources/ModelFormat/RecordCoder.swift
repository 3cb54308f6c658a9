import CupelFixedPoint

/// Whoever goes through an operator's fields: a reader of its record, or a writer.
///
/// An operator declares its fields once, in a function that names each with its place. Reading,
/// writing, the rule that what is not used is zero, and the oldest minor version that has all that is
/// used follow from it.
package protocol RecordCoder {
  /// Where the constants are: in the file's bytes, or in arrays.
  associatedtype Storage: ConstantStorage
  /// The oldest minor version of the format that has what was met so far.
  var minorVersion: UInt16 { get set }

  /// A byte of the record, by its place there.
  mutating func byte(_ place: Int, _ value: inout UInt8)
  /// A parameter as it stands.
  mutating func word(_ parameter: Int, _ value: inout UInt32)
  /// A parameter that is an extent, a count or an index.
  mutating func number(_ parameter: Int, _ value: inout Int)
  /// The byte that is the index of an axis.
  mutating func axis(_ value: inout Int)
  /// A table or elements, int8 each, and how many bytes they take.
  mutating func elements(_ values: inout Storage.Bytes)
  /// Weights of `bits` bits, and how many bytes they take.
  mutating func weights(bits: Int, _ values: inout Storage.Weights)
  /// One int32 an output channel.
  mutating func words(place: Int, _ values: inout Storage.Words)
  /// One int32 an output channel, or none at all.
  mutating func optionalWords(place: Int, _ values: inout Storage.Words)
  /// One float32 an output channel.
  mutating func floats(place: Int, _ values: inout Storage.Floats)
  /// One int8 an output channel.
  mutating func bytes(place: Int, _ values: inout Storage.Bytes)
}

extension RecordCoder {
  package mutating func signed(_ parameter: Int, _ value: inout Int32) {
    var bits = UInt32(bitPattern: value)
    word(parameter, &bits)
    value = Int32(bitPattern: bits)
  }

  package mutating func signedByte(_ place: Int, _ value: inout Int8) {
    var bits = UInt8(bitPattern: value)
    byte(place, &bits)
    value = Int8(bitPattern: bits)
  }

  /// The bounds of a fused activation.
  package mutating func bounds(_ low: inout Int16, _ high: inout Int16) {
    gridValue(Layout.Operation.low, upper: Layout.Operation.upperLow, &low)
    gridValue(Layout.Operation.high, upper: Layout.Operation.upperHigh, &high)
  }

  /// An integer on the output's grid: a signed byte, and what it has beyond that in 256ths, modulo
  /// 2¹⁶. That is nothing on a grid of 8 bits.
  package mutating func gridValue(_ place: Int, upper: Int, _ value: inout Int16) {
    var byte = Int8(truncatingIfNeeded: value)
    signedByte(place, &byte)
    guard WideActivations.isThere else {
      value = Int16(byte)
      return
    }
    var rest = Int8(truncatingIfNeeded: (value &- Int16(Int8(truncatingIfNeeded: value))) &>> 8)
    signedByte(upper, &rest)
    value = Int16(byte) &+ Int16(rest) &<< 8
  }

  /// What biases have beyond 32 bits, which most have not: then nothing is there.
  package mutating func upperBias(_ values: inout Storage.Words) {
    if WideActivations.isThere { optionalWords(place: ConstantPlaces.upperBias, &values) }
  }

  package mutating func rounding(_ mode: inout RoundingMode) {
    var code = mode.rawValue
    byte(Layout.Operation.rounding, &code)
    mode = RoundingMode(rawValue: code) ?? .doubleRounding
    if code > RoundingMode.float32HalfEven.rawValue { require(minor: 1) }
    if code > RoundingMode.float64HalfAway.rawValue { require(minor: 3) }
  }

  /// Says that what was met exists from a minor version on.
  package mutating func require(minor: UInt16) { minorVersion = max(minorVersion, minor) }
}

/// How an operator holds its constants.
public protocol ConstantStorage {
  /// int8 each.
  associatedtype Bytes: Equatable
  /// int32 each.
  associatedtype Words: Equatable
  /// float32 each, by their bits where there is no floating point.
  associatedtype Floats: Equatable
  /// int8 each, or int4 two a byte.
  associatedtype Weights: Equatable

  /// What a field of bytes holds before it has been read.
  static var noBytes: Bytes { get }
  /// What a field of words holds before it has been read.
  static var noWords: Words { get }
  /// What a field of numbers holds before it has been read.
  static var noFloats: Floats { get }
  /// What a field of weights holds before it has been read.
  static var noWeights: Weights { get }
}

/// Constants where they stand in a file.
public enum InFile: ConstantStorage {
  /// int8 each.
  public typealias Bytes = UnsafePointer<Int8>
  /// int32 each.
  public typealias Words = UnsafePointer<Int32>
  /// By their bits.
  public typealias Floats = UnsafePointer<UInt32>
  /// At an address divisible by 16. With 8 bits an int8 each; with 4 bits two a byte, the first
  /// in the low nibble, each row beginning on a byte of its own.
  public typealias Weights = UnsafePointer<UInt8>

  public static var noBytes: Bytes { nowhere() }
  public static var noWords: Words { nowhere() }
  public static var noFloats: Floats { nowhere() }
  public static var noWeights: Weights { nowhere() }

  /// What a field holds before it has been read.
  @inline(__always)
  private static func nowhere<Element>() -> UnsafePointer<Element> {
    UnsafePointer(bitPattern: Layout.alignment).unsafelyUnwrapped
  }
}

/// Reads an operator's fields where they stand, without judging them.
package struct RecordReader: RecordCoder {
  package typealias Storage = InFile

  package let record: OperationRecord
  package var minorVersion: UInt16
  /// Which fields were met: a bit for each byte of the record's head, then one for each parameter,
  /// then one for each byte that stood reserved in the first versions, by its place.
  package private(set) var used: UInt32 = 0

  package init(_ record: OperationRecord, minorVersion: UInt16 = 0) {
    self.record = record
    self.minorVersion = minorVersion
  }

  @inline(__always)
  package mutating func byte(_ place: Int, _ value: inout UInt8) {
    used |= 1 &<< UInt32(truncatingIfNeeded: place)
    value = record.byte(place)
  }

  @inline(__always)
  package mutating func word(_ parameter: Int, _ value: inout UInt32) {
    meet(parameter)
    value = record.parameterBits(parameter)
  }

  @inline(__always)
  package mutating func number(_ parameter: Int, _ value: inout Int) {
    meet(parameter)
    value = record.parameter(parameter)
  }

  @inline(__always)
  package mutating func axis(_ value: inout Int) {
    var own: UInt8 = 0
    byte(Layout.Operation.axis, &own)
    value = Int(own)
  }

  @inline(__always)
  package mutating func elements(_ values: inout Storage.Bytes) {
    meet(ConstantPlaces.size)
    values = pointer(ConstantPlaces.values)
  }

  @inline(__always)
  package mutating func weights(bits: Int, _ values: inout Storage.Weights) {
    meet(ConstantPlaces.size)
    values = pointer(ConstantPlaces.values)
  }

  @inline(__always)
  package mutating func words(place: Int, _ values: inout Storage.Words) { values = pointer(place) }

  @inline(__always)
  package mutating func optionalWords(place: Int, _ values: inout Storage.Words) {
    let own: Storage.Words = pointer(place)
    values = record.parameter(place) == 0 ? Storage.noWords : own
  }

  @inline(__always)
  package mutating func floats(place: Int, _ values: inout Storage.Floats) {
    values = pointer(place)
  }

  @inline(__always)
  package mutating func bytes(place: Int, _ values: inout Storage.Bytes) { values = pointer(place) }

  @inline(__always)
  private mutating func meet(_ parameter: Int) {
    used |= 1 &<< UInt32(truncatingIfNeeded: 8 &+ parameter)
  }

  /// Where the constants begin whose offset is a parameter.
  @inline(__always)
  package mutating func pointer<Element>(_ parameter: Int) -> UnsafePointer<Element> {
    meet(parameter)
    return (record.file + record.parameter(parameter)).assumingMemoryBound(to: Element.self)
  }

  /// Whether the field at `place` of the record's head was met.
  package func hasMet(byte place: Int) -> Bool { used >> UInt32(place) & 1 != 0 }

  /// The offset in the file of the first field that was not met and is not zero; nil where all such
  /// are zero.
  package var firstStray: Int? {
    // The head's bytes behind the kind, then the parameters.
    var rest = ~used & (1 &<< UInt32(8 &+ Layout.Operation.parameterCount) &- 2)
    while rest != 0 {
      let field = rest.trailingZeroBitCount
      if field < 8 {
        if record.byte(field) != 0 { return record.offset }
      } else if record.parameterBits(field &- 8) != 0 {
        return record.place(field &- 8)
      }
      rest &= rest &- 1
    }
    for place in Layout.Operation.upperLow..<Layout.Operation.parameters
    where !hasMet(byte: place) && record.byte(place) != 0 {
      return record.offset &+ Layout.Operation.upperLow
    }
    return nil
  }
}

/// Constants that may be handed from thread to thread.
public protocol SendableStorage: ConstantStorage
where Bytes: Sendable, Words: Sendable, Floats: Sendable, Weights: Sendable {}
