import CupelTFLiteSchema

/// What a `.tflite` file says, every part of it checked to lie in the file: indices between its
/// parts, and what its numbers mean, are the converters' business.
struct TFLiteModel {
  /// Of the first subgraph. Others are reached by control flow, which is not supported, and by
  /// composites, in whose place the operators stand that they consist of (`TFLiteComposites.swift`).
  var tensors: [Tensor] = []
  var operators: [Operator] = []
  private(set) var inputs: [Int] = []
  private(set) var outputs: [Int] = []
  private let buffer: FlatBuffer
  /// What is left of it when all parts are read.
  private(set) var budget: ImportBudget
  /// Places in the file; empty for a buffer without data.
  private var buffers: [Range<Int>] = []

  struct Tensor {
    var name: String
    /// Row-major; a 0 or −1 is an extent that is not fixed.
    var shape: [Int]
    /// nil for a code that the schema does not have.
    var type: TFLite.ElementType?
    /// Index of its data in the file; nil for an activation.
    var data: Int?
    /// Empty where the tensor is not quantized.
    var scales: [Float] = []
    var zeroPoints: [Int64] = []
    /// The axis to which several scales belong.
    var quantizedDimension = 0
    var isSparse = false
    var isVariable = false
    /// Quantized in a way of its own, as in blocks.
    var hasQuantizationDetails = false
    /// nil for what is not quantized in blocks.
    var blocks: Blocks?

    /// A scale for each so many elements of the last axis.
    struct Blocks {
      /// Indices of the tensors that hold them; they may be anything.
      var scales, zeroPoints: Int
      var size: Int
    }

    /// Whether its integers are not said to stand for real numbers.
    var isPlain: Bool { scales.isEmpty && zeroPoints.isEmpty && !hasQuantizationDetails }

    /// An element of 8 bits as programs hold it: one of uint8 is 128 less.
    func moved(_ byte: UInt8) -> Int8 { Int8(bitPattern: type == .uint8 ? byte &- 128 : byte) }

    /// The first element, of 8 or 16 bits; there must be one.
    func moved(_ bytes: ArraySlice<UInt8>) -> Int16 {
      guard type == .int16, bytes.count > 1 else { return Int16(moved(bytes[bytes.startIndex])) }
      return Int16(bytes[bytes.startIndex]) | Int16(bytes[bytes.startIndex + 1]) << 8
    }

    func error(_ rule: String) -> ImportError { .invalidTensor(name: name, rule: rule) }
  }

  struct Operator {
    var code: Int32
    /// Of the operator's meaning, from 1 on.
    var version: Int32
    /// Of a custom operator.
    var customName: String?
    var inputs: [Int]
    var outputs: [Int]
    var optionsType: UInt8
    var options: FlatTable?
    /// What it is called in messages: its index, behind those of the composites that it is part of.
    var place: String
    /// The subgraph that a composite stands for, by a number that may be anything.
    var decomposition: Int?

    var operation: TFLite.Operation? { TFLite.Operation(rawValue: code) }

    /// The schema's name, or the custom operator's own.
    var name: String { customName ?? TFLite.name(ofOperator: code) }

    var isCustom: Bool { operation == .custom }
  }

  /// Most tensors and operators that are read: four times what a `.cupel` file can hold.
  static let mostParts = 1 << 14

  init(_ bytes: [UInt8]) throws(ImportError) {
    budget = ImportBudget(fileBytes: bytes.count)
    buffer = try FlatBuffer(bytes, identifier: TFLite.identifier)
    let root = try buffer.root
    let version = try root.number(TFLite.Model.version, default: UInt32(0))
    guard version == TFLite.version else {
      throw .unsupportedModel(rule: "schema version \(version); \(TFLite.version) is known")
    }
    buffers = try Self.buffers(root, in: buffer)
    let subgraphs = try Self.parts(root, TFLite.Model.subgraphs, of: "subgraphs")
    guard let subgraphs, subgraphs.count > 0 else {
      throw .malformed(offset: root.position, rule: "the file holds no subgraph")
    }
    let codes = try self.codes(root)
    let graph = try subgraph(try subgraphs.table(0), codes: codes)
    (tensors, inputs, outputs) = (graph.tensors, graph.inputs, graph.outputs)
    try append(graph.operators, Composites(subgraphs: subgraphs, codes: codes))
  }

  /// The bytes of a constant.
  func data(_ place: Int) -> ArraySlice<UInt8> { buffer.bytes[buffers[place]] }
}

// MARK: - Reading

extension TFLiteModel {
  /// A network, whose indices are of its own tensors.
  struct Subgraph {
    var tensors: [Tensor] = []
    var operators: [Operator] = []
    var inputs, outputs: [Int]
  }

  /// - Parameter place: of the composite that it is part of; nil for the first.
  mutating func subgraph(
    _ table: FlatTable, codes: [Code], in place: String? = nil
  ) throws(ImportError) -> Subgraph {
    var graph = Subgraph(
      inputs: try indices(table, TFLite.Subgraph.inputs),
      outputs: try indices(table, TFLite.Subgraph.outputs))
    if let list = try Self.parts(table, TFLite.Subgraph.tensors, of: "tensors") {
      for index in 0..<list.count {
        graph.tensors.append(try tensor(try list.table(index), index: index))
      }
    }
    if let list = try Self.parts(table, TFLite.Subgraph.operators, of: "operators") {
      for index in 0..<list.count {
        var own = try self.operator(try list.table(index), codes: codes, index: index)
        if let place { own.place = "\(place)/\(own.place)" }
        graph.operators.append(own)
      }
    }
    for index in graph.inputs + graph.outputs + graph.operators.flatMap({ $0.inputs + $0.outputs })
    where index != -1 && !graph.tensors.indices.contains(index) {
      throw .malformed(
        offset: table.position,
        rule: "tensor \(index) does not exist; there are \(graph.tensors.count)")
    }
    return graph
  }

  /// A vector of tables, of which there may be `mostParts`.
  private static func parts(
    _ table: FlatTable, _ field: Int, of what: String
  ) throws(ImportError) -> FlatVector? {
    let list = try table.vector(field, elementSize: 4)
    if let list, list.count > mostParts {
      throw .malformed(
        offset: list.start, rule: "\(list.count) \(what); at most \(mostParts) are read")
    }
    return list
  }

  private static func buffers(
    _ root: FlatTable, in file: FlatBuffer
  ) throws(ImportError) -> [Range<Int>] {
    guard let list = try parts(root, TFLite.Model.buffers, of: "buffers") else { return [] }
    var ranges: [Range<Int>] = []
    for index in 0..<list.count {
      let table = try list.table(index)
      let inside = try table.vector(TFLite.Buffer.data, elementSize: 1)?.range ?? 0..<0
      let offset = try table.number(TFLite.Buffer.offset, default: UInt64(0))
      let size = try table.number(TFLite.Buffer.size, default: UInt64(0))
      guard inside.isEmpty, offset > 1 else {
        ranges.append(inside)
        continue
      }
      let count = UInt64(file.bytes.count)
      guard offset <= count, size <= count - offset else {
        throw .malformed(offset: table.position, rule: "buffer \(index) lies behind the file's end")
      }
      ranges.append(Int(offset)..<Int(offset + size))
    }
    return ranges
  }

  typealias Code = (code: Int32, version: Int32, customName: String?)

  private mutating func codes(_ root: FlatTable) throws(ImportError) -> [Code] {
    let list = try Self.parts(root, TFLite.Model.operatorCodes, of: "operator codes")
    guard let list else { return [] }
    var codes: [Code] = []
    for index in 0..<list.count {
      let table = try list.table(index)
      let old = try table.number(TFLite.OperatorCode.deprecatedBuiltinCode, default: Int8(0))
      let new = try table.number(TFLite.OperatorCode.builtinCode, default: Int32(0))
      let version = try table.number(TFLite.OperatorCode.version, default: Int32(1))
      let name = try text(table, TFLite.OperatorCode.customCode)
      codes.append((max(Int32(old), new), version, name))
    }
    return codes
  }

  private mutating func tensor(_ table: FlatTable, index: Int) throws(ImportError) -> Tensor {
    var tensor = Tensor(
      name: try self.text(table, TFLite.Tensor.name) ?? "tensor \(index)",
      shape: try indices(table, TFLite.Tensor.shape))
    tensor.type = .init(rawValue: try table.number(TFLite.Tensor.type, default: Int8(0)))
    let data = Int(try table.number(TFLite.Tensor.buffer, default: UInt32(0)))
    // Buffer 0 is empty by definition; one without data belongs to an activation.
    if data != 0 {
      guard buffers.indices.contains(data) else {
        throw .malformed(
          offset: table.position, rule: "buffer \(data) does not exist; there are \(buffers.count)")
      }
      tensor.data = buffers[data].isEmpty ? nil : data
    }
    tensor.isSparse = try table.table(TFLite.Tensor.sparsity) != nil
    tensor.isVariable = try table.flag(TFLite.Tensor.isVariable)
    guard let quantization = try table.table(TFLite.Tensor.quantization) else { return tensor }
    let scales = try quantization.vector(TFLite.Quantization.scale, elementSize: 4)
    tensor.scales = try numbers(scales, UInt32.self).map(Float.init(bitPattern:))
    let zeros = try quantization.vector(TFLite.Quantization.zeroPoint, elementSize: 8)
    tensor.zeroPoints = try numbers(zeros, Int64.self)
    tensor.quantizedDimension = Int(
      try quantization.number(TFLite.Quantization.dimension, default: Int32(0)))
    // 1 is a custom quantization, which old files have for nothing but their names.
    let details = try quantization.number(TFLite.Quantization.detailsType, default: UInt8(0))
    tensor.hasQuantizationDetails = details > 1
    if details == TFLite.BlockwiseQuantization.type {
      if let table = try quantization.table(TFLite.Quantization.details) {
        tensor.blocks = try blocks(table)
      }
    }
    return tensor
  }

  private func blocks(_ table: FlatTable) throws(ImportError) -> Tensor.Blocks {
    typealias Field = TFLite.BlockwiseQuantization
    func number(_ field: Int) throws(ImportError) -> Int {
      Int(try table.number(field, default: Int32(0)))
    }
    return Tensor.Blocks(
      scales: try number(Field.scales), zeroPoints: try number(Field.zeroPoints),
      size: try number(Field.blockSize))
  }

  private mutating func `operator`(
    _ table: FlatTable, codes: [Code], index: Int
  ) throws(ImportError) -> Operator {
    let code = Int(try table.number(TFLite.Operator.opcodeIndex, default: UInt32(0)))
    guard codes.indices.contains(code) else {
      throw .malformed(
        offset: table.position,
        rule: "operator \(index) has code \(code); there are \(codes.count)")
    }
    var result = Operator(
      code: codes[code].code, version: codes[code].version, customName: codes[code].customName,
      inputs: try indices(table, TFLite.Operator.inputs),
      outputs: try indices(table, TFLite.Operator.outputs),
      optionsType: try table.number(TFLite.Operator.builtinOptionsType, default: UInt8(0)),
      options: try table.table(TFLite.Operator.builtinOptions), place: "#\(index)")
    if result.operation == .stablehloComposite,
      let options = try table.table(TFLite.Operator.builtinOptions2)
    {
      result.decomposition = Int(
        try options.number(TFLite.Options.Composite.decomposition, default: Int32(0)))
    }
    return result
  }

  private mutating func indices(_ table: FlatTable, _ field: Int) throws(ImportError) -> [Int] {
    let list = try table.vector(field, elementSize: 4)
    return try numbers(list, Int32.self).map(Int.init)
  }

  /// Vectors may be shared, so each reading is paid for.
  private mutating func numbers<Value: FixedWidthInteger>(
    _ list: FlatVector?, _ type: Value.Type
  ) throws(ImportError) -> [Value] {
    guard let list else { return [] }
    guard budget.claim(list.count, size: 8) else { throw Self.overdrawn(list.start) }
    return list.numbers(type)
  }

  private mutating func text(_ table: FlatTable, _ field: Int) throws(ImportError) -> String? {
    guard let text = try table.string(field) else { return nil }
    guard budget.claim(text.count, size: 1) else { throw Self.overdrawn(text.start) }
    return try text.text
  }

  private static func overdrawn(_ offset: Int) -> ImportError {
    .malformed(offset: offset, rule: "the same part is used more often than is supported")
  }
}
