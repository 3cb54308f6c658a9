/// Bounds what a file can make the importer allocate and do, in proportion to its size.
struct ImportBudget {
  /// Of an integer program while it is made: twice what a `.cupel` file can hold, since what nobody
  /// reads is taken out at the end. One operator of a file adds 64 at most.
  static let mostTensors = 8192

  private var bytesLeft: Int
  private var readsLeft: Int

  /// Constants and weights together may take the file's size twice, since a matrix may have to be
  /// transposed; what is folded, such as an attention's masks, may take half of it more. Weights may
  /// be shared, but each use is checked and counts as a read.
  init(fileBytes: Int) {
    bytesLeft = 2 * fileBytes + fileBytes / 2 + (4 << 20)
    readsLeft = 4 * fileBytes + (1 << 22)
  }

  /// Claims memory for `elements` of `size` bytes; false if that is more than the file may take.
  mutating func claim(_ elements: Int, size: Int) -> Bool {
    let (bytes, overflow) = elements.multipliedReportingOverflow(by: size)
    guard elements >= 0, !overflow, bytes <= bytesLeft else { return false }
    bytesLeft -= bytes
    return true
  }

  /// Counts elements that are read, not copied.
  mutating func read(_ elements: Int) -> Bool {
    guard elements >= 0, elements <= readsLeft else { return false }
    readsLeft -= elements
    return true
  }
}
