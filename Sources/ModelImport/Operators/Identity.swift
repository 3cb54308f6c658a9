/// Operators that pass their input through in inference.
extension OperatorRoom {
  static let identity = OperatorRoom(
    OnnxRow("Dropout", ["is_test", "ratio", "seed"], float: { try $0.dropout() }),
    OnnxRow("Identity", float: { try $0.binding(0) }))
}

extension OnnxConverter {
  fileprivate mutating func dropout() throws(ImportError) -> Binding {
    if try integers(2)?.contains(where: { $0 != 0 }) ?? false {
      throw node.unsupported("training mode; export the model in evaluation mode")
    }
    return try binding(0)
  }
}
