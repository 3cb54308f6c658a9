extension [SymbolicInteger] {
  /// The numbers, none of which depends on the batch size.
  func known(or error: @autoclosure () -> ImportError) throws(ImportError) -> [Int] {
    let numbers = compactMap(\.known)
    guard numbers.count == count else { throw error() }
    return numbers
  }
}

/// An integer of shape arithmetic that may depend on the open batch size N: batches · N + offset.
struct SymbolicInteger: Equatable, Sendable {
  var batches: Int
  var offset: Int

  init(_ value: Int) { (batches, offset) = (0, value) }

  private init(batches: Int, offset: Int) { (self.batches, self.offset) = (batches, offset) }

  /// The batch size itself.
  static let batch = SymbolicInteger(batches: 1, offset: 0)

  /// The number, where it does not depend on the batch size.
  var known: Int? { batches == 0 ? offset : nil }

  /// The same for a batch of one.
  var ofOneImage: Self? { adding(Self(batches: -batches, offset: batches)) }

  /// Nil where the result overflows.
  func adding(_ other: Self) -> Self? {
    Self.combine(
      batches.addingReportingOverflow(other.batches), offset.addingReportingOverflow(other.offset))
  }

  func subtracting(_ other: Self) -> Self? {
    Self.combine(
      batches.subtractingReportingOverflow(other.batches),
      offset.subtractingReportingOverflow(other.offset))
  }

  /// Nil where the result overflows or is not linear in the batch size.
  func multiplied(by other: Self) -> Self? {
    let (factor, symbolic) = other.batches == 0 ? (other.offset, self) : (offset, other)
    guard batches == 0 || other.batches == 0 else { return nil }
    return Self.combine(
      symbolic.batches.multipliedReportingOverflow(by: factor),
      symbolic.offset.multipliedReportingOverflow(by: factor))
  }

  /// Integer division towards zero, as C and ONNX Runtime divide; nil where it is not defined or
  /// not linear in the batch size.
  func divided(by other: Self) -> Self? {
    if self == other, batches != 0, offset == 0 { return Self(1) }
    guard let divisor = other.known, divisor != 0 else { return nil }
    if batches == 0 {
      return Self.combine((0, false), offset.dividedReportingOverflow(by: divisor))
    }
    guard divisor != -1, batches % divisor == 0, offset % divisor == 0 else { return nil }
    return Self(batches: batches / divisor, offset: offset / divisor)
  }

  /// Whether both are equal for every batch size (true), for none (false), or for some (nil).
  func equals(_ other: Self) -> Bool? {
    guard let difference = subtracting(other) else { return nil }
    if difference.batches == 0 { return difference.offset == 0 }
    // batches · N + offset = 0 for some N ≥ 1?
    let (remainder, overflow) = difference.offset.remainderReportingOverflow(
      dividingBy: difference.batches)
    if overflow { return nil }
    let oppositeSigns = (difference.offset < 0) != (difference.batches < 0)
    return remainder == 0 && difference.offset != 0 && oppositeSigns ? nil : false
  }

  private static func combine(
    _ batches: (partialValue: Int, overflow: Bool), _ offset: (partialValue: Int, overflow: Bool)
  ) -> Self? {
    batches.overflow || offset.overflow
      ? nil : Self(batches: batches.partialValue, offset: offset.partialValue)
  }
}

extension SymbolicInteger: CustomStringConvertible {
  /// `N` is the batch size: `7`, `N`, `2·N + 1`.
  var description: String {
    guard batches != 0 else { return "\(offset)" }
    let share = batches == 1 ? "N" : "\(batches)·N"
    return offset == 0 ? share : "\(share) \(offset < 0 ? "−" : "+") \(offset.magnitude)"
  }
}
