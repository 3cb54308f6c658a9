import CupelIntegerOperators
import CupelModelFormat
import FirmwareSupport

/// What the board does: takes orders from a file on the host until they end, and answers them in
/// another. `docs/firmware.md` describes both.
@c public func firmware_main() -> Int32 {
  guard let orders = OrderReader(), let answers = AnswerWriter() else {
    return Status.noFiles.rawValue
  }
  let memory = firmware_memory_map()
  var device = Device(memory: memory)
  answers.hello(memory)
  while true {
    guard let code = orders.word() else { return Status.brokenOrders.rawValue }
    switch Order(rawValue: code) {
    case .end:
      answers.end(stackBytes: firmware_stack_high_water())
      return Status.success.rawValue
    case .program:
      guard device.program(orders) else { return Status.brokenOrders.rawValue }
      answers.judgement(.program, device.validate())
    case .flip:
      guard let bit = orders.word(), device.flip(bit: bit) else {
        return Status.brokenOrders.rawValue
      }
      answers.judgement(.flip, device.validate())
      _ = device.flip(bit: bit)
    case .run:
      guard device.run(orders, answers) else {
        answers.end(stackBytes: firmware_stack_high_water())
        return Status.success.rawValue
      }
    case nil: return Status.brokenOrders.rawValue
    }
  }
}

/// The simulator's exit status.
enum Status: Int32 {
  case success = 0
  /// The host's files cannot be opened.
  case noFiles = 3
  /// The orders end too early, ask for what there is no room for, or are none.
  case brokenOrders = 4
}

enum Order: UInt32 {
  case end = 0
  /// Size in bytes, then the model.
  case program = 1
  /// Images, deployment profile and bytes of one image, then the images.
  case run = 2
  /// Index of a bit of the model; turned over, judged, and turned back.
  case flip = 3
}
