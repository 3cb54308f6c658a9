import CupelIntegerOperators
import CupelModelFormat

/// Writes programs as `.cupel` files.
public enum CupelWriter {
  /// The program's one and only file: the same program gives the same bytes.
  ///
  /// What is written has passed `ModelView`'s validation, so every rule of `docs/format.md`
  /// holds, the proof against accumulator overflow included.
  ///
  /// - Throws: `WriterError`, which names the tensor or operation and what is wrong with it.
  public static func bytes(of program: IntegerProgram) throws(WriterError) -> [UInt8] {
    try program.check()
    let lifetimes = try Lifetimes(program)
    let plan = try ArenaPlan(program, lifetimes: lifetimes)
    let image = try FileImage(program, lifetimes: lifetimes, plan: plan)
    let bytes = try image.bytes()
    do {
      try withModelView(bytes) { _ in }
    } catch let error as FormatError {
      throw WriterError(error, in: program, sortedKeys: image.metadata.map(\.key))
    } catch {
      throw .program("\(error)")
    }
    return bytes
  }

  /// Writes the digest that `file` should have into its header. For tests that change a file and
  /// want the validator to see the change. Files shorter than a header stay as they are.
  public static func redigest(_ file: inout [UInt8]) {
    guard file.count >= Layout.headerSize else { return }
    let words = file.withUnsafeBytes { fileDigest($0) }
    for index in 0..<32 {
      let word = words[index / 4]
      file[Layout.Header.digest + index] = UInt8(
        truncatingIfNeeded: word >> UInt32(24 - 8 * (index % 4)))
    }
  }
}

/// What the writer must know before it lays out bytes: that counts fit their shapes and numbers
/// their fields. Every other rule is left to the validator, which reads the finished file.
extension IntegerProgram {
  fileprivate func check() throws(WriterError) {
    let count = tensors.count
    guard (1...Layout.mostTensors).contains(count) else {
      throw .program("\(count) tensors; 1 to \(Layout.mostTensors) can be written")
    }
    for (index, tensor) in tensors.enumerated() {
      guard [4, 8, 16].contains(tensor.bits) else {
        throw .tensor(index, name: tensor.name, "\(tensor.bits) bits")
      }
      guard Int8(exactly: tensor.zeroPoint) != nil else {
        throw .tensor(index, name: tensor.name, "a zero point of \(tensor.zeroPoint)")
      }
    }
  }
}

/// Validates `bytes` and passes the view of them to `body`. The view must not leave it.
///
/// - Throws: `FormatError`, or what `body` throws.
public func withModelView<Result>(
  _ bytes: [UInt8], _ body: (ModelView) throws -> Result
) throws -> Result {
  try bytes.withUnsafeBytes { file in
    if let base = file.baseAddress, UInt(bitPattern: base) % UInt(Layout.alignment) == 0 {
      return try body(ModelView(validating: file))
    }
    let copy = UnsafeMutableRawBufferPointer.allocate(
      byteCount: file.count, alignment: Layout.alignment)
    defer { copy.deallocate() }
    copy.copyMemory(from: file)
    return try body(ModelView(validating: UnsafeRawBufferPointer(copy)))
  }
}
