import CupelTFLiteSchema

/// A TensorFlow Lite model under construction: tensors, buffers and operators of one subgraph.
struct TFLiteFile {
  typealias Field = FlatBufferBuilder.Field
  typealias Option = (id: Int, value: Field)

  struct Tensor {
    var name: String
    var shape: [Int]
    var type: TFLite.ElementType
    /// Index of its constant content; 0 for none.
    var buffer = 0
    var scales: [Float] = []
    var zeroPoints: [Int64] = []
    /// The channels' axis, where there is more than one scale.
    var axis = 0
  }

  struct Code: Equatable {
    var code: TFLite.Operation
    var version: Int32
  }

  struct Operator {
    var code: Code
    var inputs: [Int]
    var output: Int
    /// Fields of its options, where its code has any.
    var options: [Option]
  }

  var tensors: [Tensor] = []
  var operators: [Operator] = []
  /// The first one stays empty, as the schema has it.
  private(set) var buffers: [[UInt8]] = [[]]
  private var known: [[UInt8]: Int] = [:]
  /// Bytes of constants so far.
  private(set) var bufferBytes = 0

  mutating func add(_ tensor: Tensor) -> Int {
    tensors.append(tensor)
    return tensors.count - 1
  }

  /// A tensor with content. Equal contents share a buffer.
  mutating func add(_ tensor: Tensor, content: [UInt8]) -> Int {
    var tensor = tensor
    if let index = known[content] {
      tensor.buffer = index
    } else {
      buffers.append(content)
      bufferBytes += content.count
      tensor.buffer = buffers.count - 1
      known[content] = tensor.buffer
    }
    return add(tensor)
  }

  /// A list of integers that an operator takes as an input.
  mutating func add(_ values: [Int], shape: [Int]? = nil, name: String) -> Int {
    add(
      Tensor(name: name, shape: shape ?? [values.count], type: .int32),
      content: values.flatMap { littleEndian(Int32(truncatingIfNeeded: $0)) })
  }

  // MARK: Bytes

  /// - Parameters:
  ///   - description: free text.
  ///   - metadata: names and contents.
  func bytes(
    inputs: [Int], outputs: [Int], description: String, metadata: [(name: String, content: [UInt8])]
  ) -> [UInt8] {
    var builder = FlatBufferBuilder()
    let contents = buffers + metadata.map(\.content)
    // Back to front, so that buffers come in their order.
    var bufferTables: [FlatBufferBuilder.Reference] = []
    for content in contents.reversed() {
      let data = content.isEmpty ? nil : builder.vector(bytes: content, alignment: 16)
      bufferTables.append(
        builder.table(data.map { [(TFLite.Buffer.data, .reference($0))] } ?? []))
    }
    let bufferList = builder.vector(bufferTables.reversed())
    let entries = metadata.enumerated().map { index, entry in
      builder.table([
        (TFLite.Metadata.name, .reference(builder.string(entry.name))),
        (TFLite.Metadata.buffer, .number(UInt32(buffers.count + index))),
      ])
    }
    let metadataList = builder.vector(entries)
    // Each operator's code once, in order of appearance.
    var codes: [Code] = []
    for item in operators where !codes.contains(item.code) { codes.append(item.code) }
    let subgraph = self.subgraph(&builder, inputs: inputs, outputs: outputs, codes: codes)
    let subgraphList = builder.vector([subgraph])
    let text = builder.string(description)
    let codeTables = codes.map { code in
      let number = code.code.rawValue
      return builder.table([
        (TFLite.OperatorCode.deprecatedBuiltinCode, .number(Int8(clamping: number))),
        (TFLite.OperatorCode.version, .number(code.version)),
        (TFLite.OperatorCode.builtinCode, .number(number)),
      ])
    }
    let model = builder.table([
      (TFLite.Model.version, .number(TFLite.version)),
      (TFLite.Model.operatorCodes, .reference(builder.vector(codeTables))),
      (TFLite.Model.subgraphs, .reference(subgraphList)),
      (TFLite.Model.description, .reference(text)),
      (TFLite.Model.buffers, .reference(bufferList)),
      (TFLite.Model.metadata, .reference(metadataList)),
    ])
    return builder.finish(model, identifier: TFLite.identifier)
  }

  private func subgraph(
    _ builder: inout FlatBufferBuilder, inputs: [Int], outputs: [Int], codes: [Code]
  ) -> FlatBufferBuilder.Reference {
    let operatorTables = operators.map { item in
      table(item, code: codes.firstIndex(of: item.code) ?? 0, &builder)
    }
    let operatorList = builder.vector(operatorTables)
    let tensorTables = tensors.map { table($0, &builder) }
    return builder.table([
      (TFLite.Subgraph.tensors, .reference(builder.vector(tensorTables))),
      (TFLite.Subgraph.inputs, .reference(builder.vector(inputs.map { Int32($0) }))),
      (TFLite.Subgraph.outputs, .reference(builder.vector(outputs.map { Int32($0) }))),
      (TFLite.Subgraph.operators, .reference(operatorList)),
      (TFLite.Subgraph.name, .reference(builder.string("main"))),
    ])
  }

  private func table(
    _ item: Operator, code: Int, _ builder: inout FlatBufferBuilder
  ) -> FlatBufferBuilder.Reference {
    var fields: [Option] = [
      (TFLite.Operator.opcodeIndex, .number(UInt32(code))),
      (TFLite.Operator.inputs, .reference(builder.vector(item.inputs.map { Int32($0) }))),
      (TFLite.Operator.outputs, .reference(builder.vector([Int32(item.output)]))),
    ]
    if let type = item.code.code.optionsType {
      fields.append((TFLite.Operator.builtinOptionsType, .number(type)))
      fields.append((TFLite.Operator.builtinOptions, .reference(builder.table(item.options))))
    }
    return builder.table(fields)
  }

  private func table(
    _ tensor: Tensor, _ builder: inout FlatBufferBuilder
  ) -> FlatBufferBuilder.Reference {
    var fields: [Option] = [
      (TFLite.Tensor.shape, .reference(builder.vector(tensor.shape.map { Int32($0) }))),
      (TFLite.Tensor.type, .number(tensor.type.rawValue)),
      (TFLite.Tensor.buffer, .number(UInt32(tensor.buffer))),
      (TFLite.Tensor.name, .reference(builder.string(tensor.name))),
    ]
    if !tensor.scales.isEmpty {
      let scales = tensor.scales.map(\.bitPattern)
      let quantization = builder.table([
        (TFLite.Quantization.scale, .reference(builder.vector(scales))),
        (TFLite.Quantization.zeroPoint, .reference(builder.vector(tensor.zeroPoints))),
        (TFLite.Quantization.dimension, .number(Int32(tensor.axis))),
      ])
      fields.append((TFLite.Tensor.quantization, .reference(quantization)))
    }
    return builder.table(fields)
  }
}
