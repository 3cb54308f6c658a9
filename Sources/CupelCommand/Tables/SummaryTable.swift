import Cupel
import CupelSupport

/// What is in a model, for people.
extension ModelSummary {
  var text: String {
    var lines = [
      "file        \(file)  (\(kind), \(kibibytes(bytes)))",
      "sha256      \(sha256)",
      "MACs        \(grouped(macs)) an image",
      "parameters  \(grouped(parameters)), weights in \(grouped(weightBytes)) bytes",
    ]
    if let batchNormalizations {
      lines.append(
        batchNormalizations > 0
          ? "BatchNorm   \(batchNormalizations) kept"
          : "BatchNorm   none; if the exporter folded it, docs/exchange.md says how to keep it")
    }
    if let arenaBytes, let flashBytes {
      lines.append("flash       \(kibibytes(flashBytes)) (the .cupel file, run in place)")
      lines.append("RAM         \(kibibytes(arenaBytes)) (arena: tensors and scratch)")
    }
    if let tensorArenaBytes, let tensorArenaLowerBound {
      lines.append(
        "tensors     \(grouped(tensorArenaBytes)) bytes of the arena; "
          + "no plan needs fewer than \(grouped(tensorArenaLowerBound))")
    }
    if let hostBytes, let instructionSet {
      lines.append(
        "here        \(kibibytes(hostBytes)) (\(instructionSet): arena, scratch, packed weights)")
    }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      lines.append("\(key)  \(printable(value, limit: 1024))")
    }
    var table = TextTable([
      ("#", .right), ("operator", .left), ("name", .left), ("output", .left), ("bits", .left),
      ("scale", .right), ("zero", .right), ("weights", .right), ("MACs", .right),
    ])
    for (index, row) in operators.enumerated() {
      let bits = [row.weightBits.map { "w\($0)" }, row.activationBits.map { "a\($0)" }]
      table.add([
        String(index), row.kind, printable(row.name),
        row.output.map(String.init).joined(separator: "×"),
        bits.compactMap { $0 }.joined(separator: " "), row.scale.map { "\($0)" } ?? "",
        row.zeroPoint.map(String.init) ?? "", grouped(row.weightBytes), grouped(row.macs),
      ])
    }
    lines += ["", table.text]
    if let arena { lines += ["", arena.text] }
    if let device { lines += ["", device.text, "fits          yes", "", device.table] }
    if let reason { lines += ["", "fits          no: \(reason)"] }
    return lines.joined(separator: "\n")
  }
}
