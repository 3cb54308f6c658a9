import Cupel
import CupelSupport
import Foundation

/// What a model takes on a board, for people.
extension DeviceReport {
  private static func perMAC(_ instructions: Int, _ macs: Int) -> String {
    macs == 0 ? "" : String(format: "%.2f", Double(instructions) / Double(macs))
  }

  var text: String {
    let rate = Self.perMAC(instructions, macs)
    return [
      "board         \(board), \(processor), simulated",
      "agreement     \(mismatches) of \(images) outputs differ from those here",
      "instructions  \(grouped(instructions)) an image"
        + (rate.isEmpty ? "" : ", \(rate) a MAC") + " (executed, not cycles)",
      "flash         \(kibibytes(flashBytes)): program \(kibibytes(programBytes)), model "
        + kibibytes(flashBytes - programBytes),
      "RAM           \(kibibytes(ramBytes)): arena \(kibibytes(arenaBytes)), stack "
        + "\(grouped(stackBytes)) bytes at most",
    ].joined(separator: "\n")
  }

  /// Instructions of each operator.
  var table: String {
    var table = TextTable([
      ("#", .right), ("operator", .left), ("name", .left), ("instructions", .right),
      ("MACs", .right), ("a MAC", .right),
    ])
    for (index, row) in operators.enumerated() {
      table.add([
        String(index), row.kind, printable(row.name), grouped(row.instructions),
        grouped(row.macs), Self.perMAC(row.instructions, row.macs),
      ])
    }
    return table.text
  }
}
