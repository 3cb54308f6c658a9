/// Lifetimes and the arena.
///
/// Time 0 is when the inputs are written, time i + 1 when operation i runs, and the time after the
/// last operation when the outputs are read. A tensor lives from `born` to `lastUse`, both
/// included, so an operation's output never lies on its inputs.
extension Validator {
  /// That every tensor's last reader is the one its record names. That no reader comes later was
  /// checked with the operations.
  package func checkLastUses() throws(FormatError) {
    for index in 0..<header.tensors.count {
      let lastUse = tensor(index).lastUse
      let isRead = lastUse == endOfTime || operation(lastUse &- 1, reads: index)
      try FormatRecord.tensor(index).demand(
        isRead, .lastUse, at: tensorPlace(index) &+ Layout.Tensor.lastUse)
    }
  }

  private func operation(_ index: Int, reads tensor: Int) -> Bool {
    let place = operationPlace(index)
    let first = file.number(place &+ Layout.Operation.firstOperand)
    for position in 0..<file.number(place &+ Layout.Operation.operandCount)
    where operand(first &+ position) == tensor { return true }
    return false
  }

  /// The operand at `position` of the operand section.
  package func operand(_ position: Int) -> Int {
    file.number(header.operands.offset &+ position &* Layout.operandSize)
  }

  /// That no two tensors share both a time and a byte.
  package func checkArena() throws(FormatError) {
    for index in 0..<header.tensors.count {
      let one = tensor(index)
      let end = one.arenaOffset &+ one.byteCount
      for earlier in 0..<index {
        let place = tensorPlace(earlier)
        let born = file.number(place &+ Layout.Tensor.born)
        guard born <= one.lastUse, one.born <= file.number(place &+ Layout.Tensor.lastUse) else {
          continue
        }
        let other = tensor(earlier)
        guard other.arenaOffset < end, one.arenaOffset < other.arenaOffset &+ other.byteCount
        else { continue }
        throw FormatError(
          .arenaOverlap, .tensor(index), at: tensorPlace(index) &+ Layout.Tensor.arenaOffset)
      }
    }
  }
}
