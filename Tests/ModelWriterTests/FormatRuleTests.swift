import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import Testing

/// Each rule of `docs/format.md` with edits of a good file that break it and nothing before it.
@Suite struct FormatRuleTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let rule: FormatRule
    let record: FormatRecord
    let edit: @Sendable (inout FileEditor) -> Void

    init(
      _ rule: FormatRule, _ record: FormatRecord,
      _ edit: @escaping @Sendable (inout FileEditor) -> Void
    ) {
      self.rule = rule
      self.record = record
      self.edit = edit
    }

    var testDescription: String { "\(rule), \(record)" }
  }

  @Test func theSampleIsValid() throws {
    #expect(try FileEditor().verdict() == nil)
  }

  @Test(arguments: headerCases + tensorCases + operationCases + windowCases + constantCases)
  func brokenRuleIsNamed(broken: Case) throws {
    var editor = try FileEditor()
    broken.edit(&editor)
    let error = editor.verdict()
    #expect(error?.rule == broken.rule)
    #expect(error?.record == broken.record)
  }

  @Test(arguments: kindCases)
  func brokenRuleOfANewerKindIsNamed(broken: Case) throws {
    var editor = try FileEditor(Sample.kinds)
    #expect(editor.verdict() == nil)
    broken.edit(&editor)
    let error = editor.verdict()
    #expect(error?.rule == broken.rule)
    #expect(error?.record == broken.record)
  }

  @Test(arguments: namedCases)
  func brokenRuleOfTheNewestKindsIsNamed(broken: Case) throws {
    var editor = try FileEditor(Sample.named)
    #expect(editor.verdict() == nil)
    broken.edit(&editor)
    let error = editor.verdict()
    #expect(error?.rule == broken.rule)
    #expect(error?.record == broken.record)
  }

  @Test(arguments: rowsCases)
  func brokenRuleOfRowsAndMatricesIsNamed(broken: Case) throws {
    var editor = try FileEditor(Sample.rows)
    #expect(editor.verdict() == nil)
    broken.edit(&editor)
    let error = editor.verdict()
    #expect(error?.rule == broken.rule)
    #expect(error?.record == broken.record)
  }

  @Test(arguments: wideCases)
  func brokenRuleOfSixteenBitsIsNamed(broken: Case) throws {
    var editor = try FileEditor(Sample.wide)
    #expect(editor.verdict() == nil)
    broken.edit(&editor)
    let error = editor.verdict()
    #expect(error?.rule == broken.rule)
    #expect(error?.record == broken.record)
  }

  @Test func aSoftmaxOverTooManyChannelsIsRefused() throws {
    var program = IntegerProgram()
    for channels in [4095, 4096] {
      program.tensors = ["in", "out"].map {
        IntegerTensor(
          name: $0, height: 1, width: 1, channels: channels, bits: 8, zeroPoint: -128,
          scale: 1 / 256)
      }
      program.operations = [
        IntegerOperation(
          name: "softmax", kind: .softmax(.init(multiplier: 1 << 30, leftShift: 20)), inputs: [0],
          output: 1)
      ]
      program.output = 1
      if channels == 4095 {
        _ = try CupelWriter.bytes(of: program)
      } else {
        #expect(throws: WriterError.self) { try CupelWriter.bytes(of: program) }
      }
    }
  }

  @Test func aLayerNormalizationOverTooManyChannelsIsRefused() throws {
    for channels in [1 << 15, 1 << 15 + 1] {
      var program = IntegerProgram()
      program.tensors = ["in", "out"].map {
        IntegerTensor(
          name: $0, height: 1, width: 1, channels: channels, bits: 8, zeroPoint: 0, scale: 1)
      }
      program.operations = [
        IntegerOperation(
          name: "norm",
          kind: .layerNormalization(
            .init(epsilon: 0, shift: 0, bytes: [Int8](repeating: 1, count: 8 * channels))),
          inputs: [0], output: 1)
      ]
      program.output = 1
      if channels == 1 << 15 {
        _ = try CupelWriter.bytes(of: program)
      } else {
        #expect(throws: WriterError.self) { try CupelWriter.bytes(of: program) }
      }
    }
  }

  /// Every rule has a test: in the table, or by itself below.
  @Test func noRuleIsLeftOut() {
    let cases =
      Self.headerCases + Self.tensorCases + Self.operationCases + Self.windowCases
      + Self.constantCases + Self.kindCases + Self.namedCases + Self.rowsCases + Self.wideCases
    let alone: Set<FormatRule> = [.baseAlignment, .tooLong, .digest, .layerNormalization]
    #expect(Set(cases.map(\.rule)).union(alone) == Set(FormatRule.allCases))
  }

  @Test func digestIsChecked() throws {
    var editor = try FileEditor()
    editor.bytes[editor.bytes.count - 1] ^= 1
    #expect(
      editor.verdict(redigesting: false)
        == FormatError(.digest, .header, at: Layout.Header.digest))
  }

  /// The rules about where the file lies and how long it is come before any byte beyond the
  /// header is read, so a length that is not true does no harm here.
  @Test func placeAndLengthAreChecked() throws {
    let file = try FileEditor().bytes
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count + 16, alignment: 16)
    defer { memory.deallocate() }
    func verdict(from base: Int, count: Int) -> FormatRule? {
      UnsafeMutableRawBufferPointer(rebasing: memory[base...]).copyMemory(
        from: file.withUnsafeBytes {
          UnsafeRawBufferPointer(rebasing: $0[..<min(count, file.count)])
        })
      do throws(FormatError) {
        let start = UnsafeRawPointer(memory.baseAddress!) + base
        _ = try ModelView(validating: UnsafeRawBufferPointer(start: start, count: count))
        return nil
      } catch { return error.rule }
    }
    #expect(verdict(from: 0, count: file.count) == nil)
    for shift in 1..<16 { #expect(verdict(from: shift, count: file.count) == .baseAlignment) }
    #expect(verdict(from: 0, count: 1 << 31) == .tooLong)
  }

  @Test func everyTruncationIsRefused() throws {
    let file = try FileEditor().bytes
    for count in 0..<file.count {
      #expect(FileEditor(bytes: Array(file[..<count])).verdict() != nil, "\(count) bytes")
    }
  }

  /// Canonical means that no byte is free: with any one bit changed the file is refused or is
  /// another program. Arena offsets alone are the writer's choice.
  @Test func everyBitMatters() throws {
    let good = try FileEditor()
    let program = Sample.program
    var accepted = 0
    for bit in 0..<good.bytes.count * 8
    where !(Layout.Header.digest..<Layout.headerSize).contains(bit / 8) {
      var file = good.bytes
      file[bit / 8] ^= 1 << UInt8(bit % 8)
      CupelWriter.redigest(&file)
      guard let changed = try? withModelView(file, { CupelReader.program(from: $0) }) else {
        continue
      }
      accepted += 1
      #expect(changed != program || isArenaOffset(bit / 8, in: good), "bit \(bit)")
    }
    #expect(accepted > 0)
  }

  private func isArenaOffset(_ place: Int, in editor: FileEditor) -> Bool {
    let relative = place - editor.section(0)
    guard (0..<editor.count(0) * Layout.tensorSize).contains(relative) else { return false }
    let field = relative % Layout.tensorSize
    return (Layout.Tensor.arenaOffset..<Layout.Tensor.arenaOffset + 4).contains(field)
  }
}
