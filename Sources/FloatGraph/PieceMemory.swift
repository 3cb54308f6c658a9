/// The activations of one piece of a batch while it goes through the network.
struct PieceMemory: ~Copyable {
  private var addresses: [UnsafePointer<Float>?]
  /// The blocks among them that this piece allocated and must free.
  private var owned: [UnsafeMutablePointer<Float>?]

  init(values: Int) {
    addresses = Array(repeating: nil, count: values)
    owned = Array(repeating: nil, count: values)
  }

  deinit {
    for block in owned { block?.deallocate() }
  }

  /// Addresses of values that are present.
  func pointers(_ values: [Int]) -> [UnsafePointer<Float>] {
    values.compactMap { addresses[$0] }
  }

  /// A block of the caller's holds a value.
  mutating func lend(_ block: UnsafePointer<Float>, as value: Int) {
    addresses[value] = block
  }

  mutating func allocate(_ value: Int, elements: Int) -> UnsafeMutablePointer<Float> {
    let block = UnsafeMutablePointer<Float>.allocate(capacity: elements)
    addresses[value] = UnsafePointer(block)
    owned[value] = block
    return block
  }

  /// Hands a value's block on to another value that will be written over it; nil if the block is
  /// the caller's. The old value can still be read until then.
  mutating func handOver(_ value: Int, to next: Int) -> UnsafeMutablePointer<Float>? {
    guard let block = owned[value] else { return nil }
    owned[value] = nil
    owned[next] = block
    addresses[next] = UnsafePointer(block)
    return block
  }

  mutating func release(_ value: Int) {
    owned[value]?.deallocate()
    owned[value] = nil
    addresses[value] = nil
  }
}
