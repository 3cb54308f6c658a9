extension IntegerEngine {
  /// Runs a batch operation by operation and hands out every tensor as soon as it is made: the inputs
  /// first, then each operation's output, in execution order.
  ///
  /// - Parameters:
  ///   - inputs: whole images, each [H][W][C] on the input's grid. Memory for all of them is taken at
  ///     once, so callers pass a few at a time.
  ///   - body: gets the tensor's index in the file, and its values, [images][H][W][C].
  /// - Throws: `EngineError.input` where `inputs` is not a whole number of images.
  public func trace(
    _ inputs: [Int8], _ body: (_ tensor: Int, _ values: [Int8]) -> Void
  ) throws(EngineError) {
    let images = try images(in: inputs.count)
    guard images > 0 else { return }
    let workspace = workspace(images: images, parts: 1)
    defer { keep(workspace) }
    let interpreter = workspace.interpreter
    inputs.withUnsafeBufferPointer { load($0, 0..<images, into: workspace) }
    for input in self.inputs {
      body(input.tensor, (0..<images).flatMap { interpreter.tensor(input.tensor, image: $0) })
    }
    for operation in 0..<interpreter.model.operationCount {
      interpreter.execute(operation: operation, images: images)
      let output = interpreter.model.operation(operation).output
      body(output, (0..<images).flatMap { interpreter.tensor(output, image: $0) })
    }
  }
}
