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
  package var rounding: UInt8 { base.byte(Layout.Operation.rounding) }
  package var weightBits: UInt8 { base.byte(Layout.Operation.weightBits) }
  package var axis: UInt8 { base.byte(Layout.Operation.axis) }
  package var low: Int8 { base.signedByte(Layout.Operation.low) }
  package var high: Int8 { base.signedByte(Layout.Operation.high) }
  package var value: Int8 { base.signedByte(Layout.Operation.value) }
  package var reservedByte: UInt8 { base.byte(Layout.Operation.reservedByte) }
  package var reservedWord: UInt32 { base.word(Layout.Operation.reservedWord) }
  package var firstOperand: Int { base.number(Layout.Operation.firstOperand) }
  package var operandCount: Int { base.number(Layout.Operation.operandCount) }
  package var output: Int { base.number(Layout.Operation.output) }

  /// Byte offset in the file of parameter `index`.
  package func place(_ index: Int) -> Int {
    offset &+ Layout.Operation.parameters &+ 4 &* index
  }

  package func parameter(_ index: Int) -> Int { file.number(place(index)) }
  package func parameterBits(_ index: Int) -> UInt32 { file.word(place(index)) }
  package func signedParameter(_ index: Int) -> Int32 {
    Int32(bitPattern: file.word(place(index)))
  }
}
