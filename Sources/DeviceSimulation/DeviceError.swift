/// Why a simulated board did not do what was asked of it.
public enum DeviceError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No board or processor has this name.
  case board(String)
  /// What is not there: QEMU, the firmware, or the plugin that counts instructions.
  case missing(String)
  /// The simulator could not be started or gave nothing that can be read.
  case simulator(String)
  /// The processor took an exception that ends the program.
  case fault
  /// The simulator ran for longer than these seconds.
  case timeout(seconds: Double)
  /// The board has this many bytes for models, too few for this one.
  case modelSize(bytes: Int, limit: Int)
  /// The board has this many bytes for tensors and scratch, too few for this model.
  case arena(needed: Int, limit: Int)
  /// The firmware refuses a model that is valid here: they were not built from the same source.
  case refused(rule: Int)

  public var description: String {
    switch self {
    case .board(let name):
      "'\(name)' is no board; there are "
        + Board.allCases.map(\.processor).joined(separator: ", ")
    case .missing(let what): what
    case .simulator(let reason): "the simulated board: \(reason)"
    case .fault: "the simulated board: the processor took a fault"
    case .timeout(let seconds): "the simulated board was not done after \(Int(seconds)) seconds"
    case .modelSize(let bytes, let limit):
      "the model has \(bytes) bytes and the board's flash \(limit) for it"
    case .arena(let needed, let limit):
      "the model needs an arena of \(needed) bytes and the board has \(limit)"
    case .refused(let rule):
      "the firmware refuses the model by rule \(rule) of the format, which it passes here; "
        + "'make firmware' builds it anew"
    }
  }

  /// Whether the board is too small for the model.
  public var isLackOfRoom: Bool {
    switch self {
    case .modelSize, .arena: true
    default: false
    }
  }
}
