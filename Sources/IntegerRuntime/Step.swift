import FixedPoint
import IntegerKernels
import ModelFormat

/// One operation made ready: its views, and the kernels that they ask for.
struct Step {
  let model: ModelView
  let operation: OperationView
  let input: TensorView
  let output: TensorView
  let profile: DeploymentProfile?

  init(_ model: ModelView, operation index: Int, profile: DeploymentProfile?) {
    self.model = model
    self.profile = profile
    operation = model.operation(index)
    input = model.tensor(operation.input)
    output = model.tensor(operation.output)
  }

  /// Scratch that the operation needs.
  var scratchBytes: Int64 {
    switch operation.kind {
    case .convolution where runsDirectly, .depthwiseConvolution where runsDirectly,
      .fullyConnected where runsDirectly, .add where runsDirectly:
      return directScratchBytes
    case .convolution(let window, let groups, _):
      return convolution(window, groups: groups).scratchBytes
    case .depthwiseConvolution(let window, _): return depthwise(window).scratchBytes
    case .fullyConnected: return fullyConnected.scratchBytes
    case .averagePool(let window): return averagePool(window).scratchBytes
    case .mean(let view): return mean(view).scratchBytes
    case .requantize(let view): return requantize(view).scratchBytes
    case .softmax(let multiplier, let leftShift):
      return softmax(multiplier: multiplier, leftShift: leftShift).scratchBytes
    case .add, .subtract, .multiply, .maxPool, .clamp, .pad, .concatenate, .slice, .lookup,
      .transpose, .reshape, .broadcast, .constant:
      return 0
    }
  }

  /// - Parameters:
  ///   - arena: the tensors, where the model has planned them.
  ///   - scratch: `scratchBytes`, aligned to 16 bytes.
  func run(arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer) {
    let source = UnsafePointer(arena + input.arenaOffset)
    let target = arena + output.arenaOffset
    switch operation.kind {
    case .convolution where runsDirectly, .depthwiseConvolution where runsDirectly,
      .fullyConnected where runsDirectly, .add where runsDirectly:
      runDirectly(arena: arena, scratch: scratch)
    case .convolution(let window, let groups, let view):
      convolution(window, groups: groups).run(
        input: source, weights: bytes(view), bits: view.bits, bias: view.bias,
        requantization: requantization(view, isFullyConnected: false), output: target,
        scratch: scratch)
    case .depthwiseConvolution(let window, let view):
      depthwise(window).run(
        input: source, weights: bytes(view), bits: view.bits, bias: view.bias,
        requantization: requantization(view, isFullyConnected: false), output: target,
        scratch: scratch)
    case .fullyConnected(let view):
      fullyConnected.run(
        input: source, weights: bytes(view), bits: view.bits, bias: view.bias,
        requantization: requantization(view, isFullyConnected: true), output: target,
        scratch: scratch)
    case .add(let view):
      add(view).run(source, secondInput(arena), count: output.elementCount, output: target)
    case .mean(let view): mean(view).run(input: source, output: target, scratch: scratch)
    case .subtract, .multiply, .averagePool, .requantize, .softmax:
      runArithmetic(source, target, arena: arena, scratch: scratch)
    case .concatenate(let axis): concatenate(axis: axis, arena: arena)
    case .maxPool, .clamp, .pad, .slice, .lookup, .transpose, .reshape, .broadcast, .constant:
      runWithoutScratch(source, target)
    }
  }

  /// The rest of those that compute.
  @inline(never)
  private func runArithmetic(
    _ source: UnsafePointer<Int8>, _ target: UnsafeMutablePointer<Int8>,
    arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let count = output.elementCount
    switch operation.kind {
    case .subtract(let view):
      Subtract(add(view)).run(source, secondInput(arena), count: count, output: target)
    case .multiply(let view):
      multiply(view).run(source, secondInput(arena), count: count, output: target)
    case .averagePool(let window):
      averagePool(window).run(input: source, output: target, scratch: scratch)
    case .requantize(let view):
      requantize(view).run(input: source, count: count, output: target, scratch: scratch)
    case .softmax(let multiplier, let leftShift):
      softmax(multiplier: multiplier, leftShift: leftShift).run(
        input: source, pixels: output.height &* output.width, output: target, scratch: scratch)
    default: break
    }
  }

  private func secondInput(_ arena: UnsafeMutablePointer<Int8>) -> UnsafePointer<Int8> {
    UnsafePointer(arena + second.arenaOffset)
  }

  /// The operators with at most one input that only pick, place, look up or limit values.
  private func runWithoutScratch(
    _ source: UnsafePointer<Int8>, _ target: UnsafeMutablePointer<Int8>
  ) {
    switch operation.kind {
    case .maxPool(let window):
      MaxPool(input: input.extent, output: output.extent, window: KernelWindow(window))
        .run(input: source, output: target)
    case .clamp(let low, let high):
      Clamp(low: low, high: high).run(input: source, count: output.elementCount, output: target)
    case .pad(let top, let left, let front, let value):
      Pad(
        input: input.extent, output: output.extent, top: top, left: left, front: front,
        value: value
      ).run(input: source, output: target)
    case .slice(let view): slice(view).run(input: source, output: target)
    case .lookup(let table):
      Lookup(table: table).run(input: source, count: output.elementCount, output: target)
    case .transpose(let rows, let columns, let channels):
      Transpose(
        input: input.extent, output: output.extent, rows: rows, columns: columns,
        channels: channels
      ).run(input: source, output: target)
    case .reshape: target.update(from: source, count: output.elementCount)
    case .broadcast:
      Broadcast(input: input.extent, output: output.extent).run(input: source, output: target)
    case .constant(let values): target.update(from: values, count: output.elementCount)
    default: break
    }
  }

  /// Copies every operand to its place along the axis.
  private func concatenate(axis: Int, arena: UnsafeMutablePointer<Int8>) {
    let kernel = Concatenate(output: output.extent)
    var start = 0
    for position in 0..<operation.operands.count {
      let part = model.tensor(operation.operands[position])
      kernel.copy(
        arena + part.arenaOffset, extent: part.extent, row: axis == 0 ? start : 0,
        column: axis == 1 ? start : 0, channel: axis == 2 ? start : 0,
        to: arena + output.arenaOffset)
      start &+= axis == 0 ? part.height : axis == 1 ? part.width : part.channels
    }
  }
}
