import Testing

/// The infected specimen rounded to nearest by `cupel compile`, made once for all tests.
enum CompiledModel {
  private static let compiled = Result {
    let workspace = try Workspace()
    try workspace.succeed([
      "compile", "\(Specimens.folder)/\(Specimens.infectedName).onnx", "--scheme", "w8a8",
      "--catalogue", Specimens.cataloguePath, "--calibration", "256", "-o", "model.cupel",
    ])
    return try workspace.bytes("model.cupel")
  }

  static func bytes() throws -> [UInt8] { try compiled.get() }
}
