import CupelModelImport
import CupelTFLiteSchema

/// FlatBuffers written from a description, as tests want them: with any field, shared parts and
/// broken counts. Parents stand before their children, since offsets only lead forward.
final class FlatNode: Sendable {
  enum Content: Sendable {
    case number(UInt64, size: Int)
    /// Fields by their id.
    case table([Int: FlatNode])
    /// Of tables or strings.
    case vector([FlatNode])
    /// Elements of a size; the count may be a lie.
    case elements([UInt8], size: Int, count: Int)
    case string(String)
  }

  let content: Content

  init(_ content: Content) { self.content = content }

  static func int8(_ value: Int) -> FlatNode {
    .init(.number(UInt64(UInt8(truncatingIfNeeded: value)), size: 1))
  }

  static func int32(_ value: Int) -> FlatNode {
    .init(.number(UInt64(UInt32(truncatingIfNeeded: value)), size: 4))
  }

  static func float(_ value: Float) -> FlatNode {
    .init(.number(UInt64(value.bitPattern), size: 4))
  }

  static func table(_ fields: [Int: FlatNode]) -> FlatNode { .init(.table(fields)) }
  static func vector(_ nodes: [FlatNode]) -> FlatNode { .init(.vector(nodes)) }
  static func string(_ text: String) -> FlatNode { .init(.string(text)) }

  static func bytes(_ bytes: [UInt8]) -> FlatNode {
    .init(.elements(bytes, size: 1, count: bytes.count))
  }

  static func int32s(_ values: [Int]) -> FlatNode {
    .init(.elements(values.flatMap { littleEndian($0, 4) }, size: 4, count: values.count))
  }

  static func int64s(_ values: [Int]) -> FlatNode {
    .init(.elements(values.flatMap { littleEndian($0, 8) }, size: 8, count: values.count))
  }

  static func floats(_ values: [Float]) -> FlatNode {
    .int32s(values.map { Int($0.bitPattern) })
  }

  static func littleEndian(_ value: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// The file with this as its root table.
  var file: [UInt8] {
    var writer = Writer()
    writer.bytes = [0, 0, 0, 0] + Array("TFL3".utf8)
    writer.patch(0, with: self)
    return writer.bytes
  }

  private struct Writer {
    var bytes: [UInt8] = []
    /// Nodes that stand somewhere already.
    private var places: [ObjectIdentifier: Int] = [:]

    private mutating func align(_ size: Int, before: Int = 0) {
      while (bytes.count + before) % size != 0 { bytes.append(0) }
    }

    mutating func patch(_ slot: Int, with node: FlatNode) {
      let place = place(of: node)
      bytes.replaceSubrange(slot..<slot + 4, with: FlatNode.littleEndian(place - slot, 4))
    }

    private mutating func place(of node: FlatNode) -> Int {
      if let known = places[ObjectIdentifier(node)] { return known }
      let place = write(node)
      places[ObjectIdentifier(node)] = place
      return place
    }

    private mutating func write(_ node: FlatNode) -> Int {
      switch node.content {
      case .table(let fields): return write(fields)
      case .vector(let nodes):
        align(4)
        let start = bytes.count
        bytes += FlatNode.littleEndian(nodes.count, 4)
        bytes += [UInt8](repeating: 0, count: 4 * nodes.count)
        for (index, child) in nodes.enumerated() { patch(start + 4 + 4 * index, with: child) }
        return start
      case .elements(let content, let size, let count):
        align(max(size, 4), before: 4)
        bytes += FlatNode.littleEndian(count, 4) + content
        return bytes.count - content.count - 4
      case .string(let text):
        align(4)
        bytes += FlatNode.littleEndian(text.utf8.count, 4) + Array(text.utf8) + [0]
        return bytes.count - text.utf8.count - 5
      case .number: return 0
      }
    }

    private mutating func write(_ fields: [Int: FlatNode]) -> Int {
      // The vtable, then the table at a multiple of 8.
      let entries = (fields.keys.max() ?? -1) + 1
      align(2)
      let vtable = bytes.count
      bytes += [UInt8](repeating: 0, count: 4 + 2 * entries)
      align(8)
      let start = bytes.count
      bytes += FlatNode.littleEndian(start - vtable, 4)
      var slots: [(Int, FlatNode)] = []
      for (id, child) in fields.sorted(by: { $0.key < $1.key }) {
        var content: [UInt8] = [0, 0, 0, 0]
        var isOffset = true
        if case .number(let value, let size) = child.content {
          content = FlatNode.littleEndian(Int(value), size)
          isOffset = false
        }
        align(content.count)
        let entry = vtable + 4 + 2 * id
        bytes.replaceSubrange(
          entry..<entry + 2, with: FlatNode.littleEndian(bytes.count - start, 2))
        if isOffset { slots.append((bytes.count, child)) }
        bytes += content
      }
      bytes.replaceSubrange(
        vtable..<vtable + 4,
        with: FlatNode.littleEndian(4 + 2 * entries, 2)
          + FlatNode.littleEndian(bytes.count - start, 2))
      for (slot, child) in slots { patch(slot, with: child) }
      return start
    }
  }
}

/// A `.tflite` file, part by part.
struct TFLiteSource {
  var tensors: [FlatNode] = []
  var operators: [FlatNode] = []
  var codes: [FlatNode] = []
  var buffers: [FlatNode] = [.table([:])]
  var inputs = [0]
  var outputs = [1]
  /// Behind the first.
  var moreSubgraphs: [FlatNode] = []

  /// An int8 tensor; other types where one is given.
  static func tensor(
    _ shape: [Int], type: TFLite.ElementType = .int8, buffer: Int = 0, scale: [Float] = [0.5],
    zero: [Int] = [0], name: FlatNode = .string("t")
  ) -> FlatNode {
    .table([
      TFLite.Tensor.shape: .int32s(shape), TFLite.Tensor.type: .int8(Int(type.rawValue)),
      TFLite.Tensor.buffer: .int32(buffer), TFLite.Tensor.name: name,
      TFLite.Tensor.quantization: .table([
        TFLite.Quantization.scale: .floats(scale), TFLite.Quantization.zeroPoint: .int64s(zero),
      ]),
    ])
  }

  mutating func constant(
    _ bytes: [UInt8], _ shape: [Int], type: TFLite.ElementType = .int8, scale: [Float] = [0.5],
    zero: [Int] = [0]
  ) -> Int {
    buffers.append(.table([TFLite.Buffer.data: .bytes(bytes)]))
    tensors.append(
      Self.tensor(shape, type: type, buffer: buffers.count - 1, scale: scale, zero: zero))
    return tensors.count - 1
  }

  mutating func add(
    _ code: Int, _ inputs: [Int], _ outputs: [Int], options: [Int: FlatNode]? = nil,
    custom: String? = nil, options2: [Int: FlatNode]? = nil
  ) {
    var fields: [Int: FlatNode] = [
      TFLite.OperatorCode.deprecatedBuiltinCode: .int8(min(code, 127)),
      TFLite.OperatorCode.builtinCode: .int32(code),
    ]
    if let custom { fields[TFLite.OperatorCode.customCode] = .string(custom) }
    codes.append(.table(fields))
    var own: [Int: FlatNode] = [
      TFLite.Operator.opcodeIndex: .int32(codes.count - 1),
      TFLite.Operator.inputs: .int32s(inputs), TFLite.Operator.outputs: .int32s(outputs),
    ]
    if let options { own[TFLite.Operator.builtinOptions] = .table(options) }
    if let options2 { own[TFLite.Operator.builtinOptions2] = .table(options2) }
    operators.append(.table(own))
  }

  mutating func add(
    _ operation: TFLite.Operation, _ inputs: [Int], _ outputs: [Int],
    options: [Int: FlatNode]? = nil
  ) {
    add(Int(operation.rawValue), inputs, outputs, options: options)
  }

  var root: FlatNode {
    .table([
      TFLite.Model.version: .int32(3), TFLite.Model.operatorCodes: .vector(codes),
      TFLite.Model.buffers: .vector(buffers),
      TFLite.Model.subgraphs: .vector([subgraph] + moreSubgraphs),
    ])
  }

  /// The network itself.
  var subgraph: FlatNode {
    .table([
      TFLite.Subgraph.tensors: .vector(tensors), TFLite.Subgraph.operators: .vector(operators),
      TFLite.Subgraph.inputs: .int32s(inputs), TFLite.Subgraph.outputs: .int32s(outputs),
    ])
  }

  /// A composite, by its decomposition's index among the subgraphs.
  mutating func addComposite(_ decomposition: Int, _ inputs: [Int], _ outputs: [Int]) {
    add(
      Int(TFLite.Operation.stablehloComposite.rawValue), inputs, outputs,
      options2: [
        TFLite.Options.Composite.name: .string("vendor.function"),
        TFLite.Options.Composite.decomposition: .int32(decomposition),
      ])
  }

  /// Adds a subgraph that has codes and buffers of this file. Returns its index.
  mutating func addSubgraph(_ fill: (inout TFLiteSource) -> Void) -> Int {
    var inner = TFLiteSource()
    (inner.codes, inner.buffers) = (codes, buffers)
    fill(&inner)
    (codes, buffers) = (inner.codes, inner.buffers)
    moreSubgraphs.append(inner.subgraph)
    return moreSubgraphs.count
  }

  var bytes: [UInt8] { root.file }

  /// An input and an output of one extent, to put an operator between.
  static func pair(_ shape: [Int] = [1, 2, 2, 3]) -> TFLiteSource {
    var source = TFLiteSource()
    source.tensors = [tensor(shape), tensor(shape)]
    return source
  }
}

/// What the importer says against a file; nil where it takes it.
func refusal(_ bytes: [UInt8]) -> String? {
  do throws(ImportError) {
    _ = try TFLiteImporter.load(bytes: bytes)
    return nil
  } catch {
    return error.description
  }
}

func refusal(_ source: TFLiteSource) -> String? { refusal(source.bytes) }
