import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import FirmwareSupport

/// What was found of the model in flash.
struct Judgement {
  /// The rule of `docs/format.md` that the file breaks; 0 where it breaks none.
  var rule: UInt32 = 0
  /// Where: 0 header, 1 tensor, 2 operation, 3 metadata record, and its index.
  var record: UInt32 = 0
  var index: UInt32 = 0
  /// Byte offset in the file.
  var offset: UInt32 = 0
  var arenaBytes: UInt32 = 0
}

/// The board: a model where it stands in flash, and the arena.
struct Device {
  private let memory: firmware_memory
  private var modelBytes = 0
  private var isValid = false

  init(memory: firmware_memory) { self.memory = memory }

  /// Puts a model into flash, as a debugger would over its wire; false where it has no room or the
  /// orders end.
  mutating func program(_ orders: OrderReader) -> Bool {
    isValid = false
    guard let size = orders.word(), size <= memory.model_bytes else { return false }
    modelBytes = Int(size)
    return orders.bytes(memory.model, count: modelBytes)
  }

  /// Turns one bit of the model over; false where it has none such.
  func flip(bit: UInt32) -> Bool {
    let place = Int(bit >> 3)
    guard place < modelBytes else { return false }
    memory.model[place] ^= 1 << UInt8(truncatingIfNeeded: bit & 7)
    return true
  }

  private var file: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: memory.model, count: modelBytes)
  }

  /// Checks the model as it stands. Two orders ask for it, and flash is to have it once.
  @inline(never)
  mutating func validate() -> Judgement {
    var judgement = Judgement()
    do {
      let model = try ModelView(validating: file)
      judgement.arenaBytes = UInt32(truncatingIfNeeded: Interpreter.arenaBytes(for: model))
      isValid = true
    } catch {
      isValid = false
      judgement.rule = UInt32(error.rule.rawValue)
      judgement.offset = UInt32(truncatingIfNeeded: error.offset)
      (judgement.record, judgement.index) = Self.numbers(error.record)
    }
    return judgement
  }

  private static func numbers(_ record: FormatRecord) -> (UInt32, UInt32) {
    switch record {
    case .header: (0, 0)
    case .tensor(let index): (1, UInt32(truncatingIfNeeded: index))
    case .operation(let index): (2, UInt32(truncatingIfNeeded: index))
    case .metadata(let index): (3, UInt32(truncatingIfNeeded: index))
    }
  }

  /// Runs images as they come and answers with their outputs, or with none where there is no model
  /// that can be run. False where the orders are of no use after that: images of another size than
  /// the model's, or none.
  func run(_ orders: OrderReader, _ answers: AnswerWriter) -> Bool {
    guard let images = orders.word(), let profile = orders.word(), let size = orders.word() else {
      return false
    }
    let arena = UnsafeMutableRawBufferPointer(
      start: memory.arena, count: Int(memory.arena_bytes))
    guard isValid, let model = try? ModelView(validating: file),
      let interpreter = try? Interpreter(
        model: model, arena: arena,
        profile: DeploymentProfile(rawValue: UInt8(truncatingIfNeeded: profile)))
    else {
      answers.words([Order.run.rawValue, 0, 0])
      return false
    }
    guard model.inputBytes == Int(size) else { return false }
    answers.words([Order.run.rawValue, images, UInt32(truncatingIfNeeded: model.outputBytes)])
    for _ in 0..<images {
      for index in 0..<model.tensorCount where model.isInput(index) {
        let input = interpreter.tensor(index)
        guard
          orders.bytes(UnsafeMutableRawPointer(mutating: input.baseAddress!), count: input.count)
        else { return false }
      }
      firmware_mark()
      for index in 0..<model.operationCount {
        interpreter.execute(operation: index)
        firmware_mark()
      }
      for index in 0..<model.tensorCount where model.isOutput(index) {
        let output = interpreter.tensor(index)
        answers.bytes(output.baseAddress!, count: output.count)
      }
    }
    return true
  }
}
