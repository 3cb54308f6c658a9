import CupelModelFormat

/// The sections of a file, laid out one after the other.
struct FileImage {
  let program: IntegerProgram
  /// Sorted by the bytes of the keys.
  let metadata: [(key: String, value: String)]
  private let lifetimes: Lifetimes
  private let plan: ArenaPlan
  private let records: [RecordWriter]
  private let constants: Pool

  init(_ program: IntegerProgram, lifetimes: Lifetimes, plan: ArenaPlan) throws(WriterError) {
    self.program = program
    self.lifetimes = lifetimes
    self.plan = plan
    metadata = program.metadata.map { ($0.key, $0.value) }
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    let sections = SectionOffsets(program)
    var constants = Pool(start: sections.constants)
    var records: [RecordWriter] = []
    for (index, operation) in program.operations.enumerated() {
      var writer = RecordWriter(constants: constants)
      try writer.write(operation, at: index, in: program)
      constants = writer.constants
      guard constants.buffer.bytes.count <= Int(Layout.largest) else {
        throw .operation(index, name: operation.name, "the constants reach 2 GiB")
      }
      records.append(writer)
    }
    self.records = records
    self.constants = constants
  }

  func bytes() throws(WriterError) -> [UInt8] {
    let sections = SectionOffsets(program)
    var strings = Pool(start: sections.constants + constants.buffer.bytes.count)
    let size = strings.start + stringBytes
    guard size <= Int(Layout.largest) else { throw .program("the file would reach 2 GiB") }
    var file = header(sections, size: size)
    for (index, tensor) in program.tensors.enumerated() {
      append(tensor, at: index, to: &file, strings: &strings)
    }
    var operand = 0
    for (index, operation) in program.operations.enumerated() {
      append(operation, records[index], firstOperand: operand, to: &file, strings: &strings)
      operand += operation.inputs.count
    }
    file.append(words: program.operations.flatMap(\.inputs).map(UInt32.init))
    for entry in metadata {
      file.append(words: strings.append(entry.key))
      file.append(words: strings.append(entry.value))
    }
    file.align(to: Layout.alignment)
    file.bytes += constants.buffer.bytes
    file.bytes += strings.buffer.bytes
    CupelWriter.redigest(&file.bytes)
    return file.bytes
  }

  private var stringBytes: Int {
    let names =
      program.tensors.reduce(0) { $0 + $1.name.utf8.count }
      + program.operations.reduce(0) { $0 + $1.name.utf8.count }
    return metadata.reduce(names) { $0 + $1.key.utf8.count + $1.value.utf8.count }
  }

  private func header(_ sections: SectionOffsets, size: Int) -> ByteBuffer {
    var file = ByteBuffer()
    for index in Layout.magic.indices { file.append(Layout.magic[index]) }
    file.append(program.tensors.contains { $0.bits == 16 } ? Layout.wideMajor : Layout.major)
    let ends = program.inputs.count + program.outputs.count > 2 ? Layout.severalMinor : 0
    file.append(max(records.map(\.minorVersion).max() ?? 0, ends))
    let constantBytes = constants.buffer.bytes.count
    let numbers = [
      Layout.headerSize, size, plan.size, program.inputs.min() ?? 0, program.output,
      sections.tensors, program.tensors.count,
      sections.operations, program.operations.count,
      sections.operands, program.operations.reduce(0) { $0 + $1.inputs.count },
      sections.metadata, metadata.count,
      sections.constants, constantBytes,
      sections.constants + constantBytes, stringBytes,
    ]
    file.append(words: numbers.map(UInt32.init))
    file.pad(to: Layout.headerSize)
    return file
  }

  private func append(
    _ tensor: IntegerTensor, at index: Int, to file: inout ByteBuffer, strings: inout Pool
  ) {
    file.append(words: strings.append(tensor.name))
    let numbers = [
      tensor.height, tensor.width, tensor.channels, plan.offsets[index], lifetimes.born[index],
      lifetimes.lastUse[index],
    ]
    file.append(words: numbers.map(UInt32.init))
    file.append(tensor.scale.bitPattern)
    file.append(UInt8(tensor.bits))
    file.append(Int8(tensor.zeroPoint))
    file.append(UInt16(0))
  }

  private func append(
    _ operation: IntegerOperation, _ record: RecordWriter, firstOperand: Int,
    to file: inout ByteBuffer, strings: inout Pool
  ) {
    file.bytes += record.head
    file.append(words: strings.append(operation.name))
    let numbers = [firstOperand, operation.inputs.count, operation.output]
    file.append(words: numbers.map(UInt32.init))
    file.bytes += record.tail
    file.append(words: record.parameters)
  }
}

/// Where the sections begin that do not depend on the constants' size.
private struct SectionOffsets {
  let tensors = Layout.headerSize
  let operations, operands, metadata, constants: Int

  init(_ program: IntegerProgram) {
    operations = tensors + program.tensors.count * Layout.tensorSize
    operands = operations + program.operations.count * Layout.operationSize
    let operandCount = program.operations.reduce(0) { $0 + $1.inputs.count }
    metadata = operands + operandCount * Layout.operandSize
    let end = metadata + program.metadata.count * Layout.metadataSize
    constants = Int(Layout.aligned(Int64(end)))
  }
}

/// A section of constants or strings under construction, in the order in which they come.
struct Pool {
  /// Byte offset in the file at which the section begins.
  let start: Int
  private(set) var buffer = ByteBuffer()

  init(start: Int) { self.start = start }

  /// Returns where the bytes begin.
  mutating func append(_ bytes: some Sequence<UInt8>, alignment: Int = 1) -> Int {
    buffer.align(to: alignment)
    defer { buffer.bytes += bytes }
    return start + buffer.bytes.count
  }

  /// Offset and length of a string as records state them.
  mutating func append(_ text: String) -> [UInt32] {
    [UInt32(append(text.utf8)), UInt32(text.utf8.count)]
  }
}
