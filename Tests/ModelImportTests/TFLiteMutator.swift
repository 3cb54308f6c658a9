import CupelSupport

/// Damages `.tflite` files in the ways that find bugs: blindly, and by the words and halves of which
/// offsets, counts and vtables are made.
struct TFLiteMutator: FileMutator {
  let bytes: [UInt8]

  enum Kind: CaseIterable {
    case bitFlips, truncation, splice, words, halves, offsets, exchange, insertion
  }

  func mutated(_ kind: Kind, by generator: inout SeededGenerator) -> [UInt8] {
    var copy = bytes
    switch kind {
    case .bitFlips:
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: copy.indices, using: &generator)
        copy[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
    case .truncation:
      copy.removeLast(Int.random(in: 1...copy.count, using: &generator))
    case .splice:
      let length = Int.random(in: 1...min(64, copy.count / 2), using: &generator)
      let from = Int.random(in: 0...copy.count - length, using: &generator)
      let to = Int.random(in: 0...copy.count - length, using: &generator)
      copy.replaceSubrange(to..<to + length, with: bytes[from..<from + length])
    case .words:
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let place = place(4, using: &generator)
        set(number(place, 4, using: &generator), at: place, size: 4, in: &copy)
      }
    case .halves:
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let place = place(2, using: &generator)
        set(number(place, 2, using: &generator), at: place, size: 2, in: &copy)
      }
    case .offsets:
      // Lead somewhere else in the file, forwards as well as backwards.
      let place = place(4, using: &generator)
      let target = self.place(4, using: &generator)
      set(target - place, at: place, size: 4, in: &copy)
    case .exchange:
      let (first, second) = (place(4, using: &generator), place(4, using: &generator))
      for index in 0..<4 { copy.swapAt(first + index, second + index) }
    case .insertion:
      let place = place(4, using: &generator)
      let count = 4 * Int.random(in: 1...4, using: &generator)
      copy.insert(contentsOf: bytes[place...].prefix(count), at: place)
    }
    return copy
  }

  private func place(_ size: Int, using generator: inout SeededGenerator) -> Int {
    Int.random(in: 0..<bytes.count / size, using: &generator) * size
  }

  /// What stood there and a little, or a number at which something ends.
  private func number(_ place: Int, _ size: Int, using generator: inout SeededGenerator) -> Int {
    let edges = [
      0, 1, 2, 3, 4, 7, 8, 64, 127, 128, 255, 4096, 32767, 65535, 65536, 1 << 24, 0x7FFF_FFFF,
      0x8000_0000, 0xFFFF_FFFF, 0x7F80_0000, 0x7FC0_0000, bytes.count, bytes.count - place,
    ]
    if Bool.random(using: &generator) { return edges.randomElement(using: &generator) ?? 0 }
    let own = (0..<size).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    return own + Int.random(in: -9...9, using: &generator)
  }

  private func set(_ value: Int, at place: Int, size: Int, in copy: inout [UInt8]) {
    for index in 0..<size { copy[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }
}
