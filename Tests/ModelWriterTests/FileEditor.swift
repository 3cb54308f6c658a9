import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter

/// A `.cupel` file whose fields can be set one by one.
struct FileEditor {
  var bytes: [UInt8]

  init(_ program: IntegerProgram = Sample.program) throws {
    bytes = try CupelWriter.bytes(of: program)
  }

  init(bytes: [UInt8]) { self.bytes = bytes }

  func word(_ place: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
  }

  mutating func set(_ place: Int, _ value: Int) {
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  func section(_ index: Int) -> Int { word(Layout.Header.sections + 8 * index) }
  func count(_ index: Int) -> Int { word(Layout.Header.sections + 8 * index + 4) }

  func tensor(_ index: Int, _ field: Int) -> Int {
    section(0) + index * Layout.tensorSize + field
  }

  func operation(_ index: Int, _ field: Int) -> Int {
    section(1) + index * Layout.operationSize + field
  }

  func parameter(_ operation: Int, _ index: Int) -> Int {
    self.operation(operation, Layout.Operation.parameters + 4 * index)
  }

  func operand(_ index: Int) -> Int { section(2) + index * Layout.operandSize }

  /// Where the first element of an operation's array stands.
  func array(_ operation: Int, _ index: Int) -> Int { word(parameter(operation, index)) }

  /// What the validator says, the digest made to fit before.
  func verdict(redigesting: Bool = true) -> FormatError? {
    var file = bytes
    if redigesting { CupelWriter.redigest(&file) }
    do {
      try withModelView(file) { _ in }
      return nil
    } catch {
      return error as? FormatError
    }
  }
}
