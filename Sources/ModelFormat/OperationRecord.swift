/// An operation's record as it stands in the file, its fields read but not judged.
package struct OperationRecord {
  package let file: UnsafeRawPointer
  package let offset: Int

  package init(offset: Int, in file: UnsafeRawPointer) {
    self.file = file
    self.offset = offset
  }

  private var base: UnsafeRawPointer { file + offset }

  package var kind: UInt8 { base.byte(Layout.Operation.kind) }
  package var firstOperand: Int { base.number(Layout.Operation.firstOperand) }
  package var operandCount: Int { base.number(Layout.Operation.operandCount) }
  package var output: Int { base.number(Layout.Operation.output) }

  /// A byte of the record's head.
  package func byte(_ place: Int) -> UInt8 { base.byte(place) }

  /// Byte offset in the file of parameter `index`.
  package func place(_ index: Int) -> Int { offset &+ Layout.Operation.parameters &+ 4 &* index }

  package func parameter(_ index: Int) -> Int { file.number(place(index)) }
  package func parameterBits(_ index: Int) -> UInt32 { file.word(place(index)) }
}
