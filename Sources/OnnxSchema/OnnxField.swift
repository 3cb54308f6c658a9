/// What a field holds, as far as walking a file's bytes goes.
package enum OnnxField: Equatable, Sendable {
  case message(OnnxMessage)
  case text
  /// A list of variable-length numbers, packed or not.
  case numbers
  /// A list of numbers of a fixed size in bytes, packed or not.
  case fixed(Int)
  case number
  /// Of four bytes.
  case fixedNumber
}
