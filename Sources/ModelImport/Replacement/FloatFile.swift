import CupelFloatGraph
import CupelSupport

/// A float model's file in which weights and biases can be replaced: its graph, its names and all
/// else stay as they are.
///
/// Where a file keeps a layer's weights, and in which order, is found by a trial. All tensors that
/// may hold some are filled with numbers of which no two are equal, and the importer then shows
/// which of them became which weight. So nothing here knows of operators, and an operator that is
/// imported can be replaced as well.
public struct FloatFile: Sendable {
  /// What files of float models are.
  public enum Format: String, Sendable {
    /// ONNX.
    case onnx
    /// TensorFlow Lite's.
    case tflite
  }

  /// Which format the file has.
  public let format: Format
  /// As the file has it.
  public let graph: FloatGraph
  private let tensors: any FloatTensors
  private let marks: Marks
  /// The graph of the file that is filled with marks.
  private let trial: FloatGraph

  /// - Parameters:
  ///   - bytes: of a float `.tflite` or ONNX file.
  ///   - external: reads what an ONNX file's tensors have in other files; nil refuses such files.
  ///     A file that is made holds all of it.
  /// - Throws: `ImportError`, also for a file of integers, and where weights cannot be found.
  public init(bytes: [UInt8], external: ExternalData.Source? = nil) throws(ImportError) {
    graph = try Self.graph(bytes, external)
    format = TFLiteImporter.recognizes(bytes) ? .tflite : .onnx
    switch format {
    case .tflite: tensors = try TFLiteFloatTensors(bytes)
    case .onnx: tensors = try OnnxFloatTensors(bytes, external: external)
    }
    marks = Marks(tensors.counts, wanted: Self.sizes(of: graph))
    do throws(ImportError) {
      trial = try Self.graph(tensors.bytes(replacing: marks.values), nil)
    } catch {
      throw .unsupportedModel(rule: "its weights cannot be replaced; a trial says: \(error)")
    }
    guard Self.haveOneForm(graph, trial) else {
      throw .unsupportedModel(rule: "its weights cannot be replaced: its form depends on them")
    }
  }

  /// Whether each number of a parameter stands in the file by itself, in a tensor that no other node
  /// reads.
  ///
  /// - Parameters:
  ///   - index: of an operation's `parameters`.
  ///   - node: of `graph`.
  public func holds(_ index: Int, ofNode node: Int) -> Bool {
    let parameters = trial.nodes[node].operation.parameters
    guard parameters.indices.contains(index), let first = parameters[index].first,
      parameters[index].allSatisfy({ marks.place(of: $0) != nil })
    else { return false }
    // Converters store equal tensors, such as biases of zeros, once.
    let tensor = marks.place(of: first)?.tensor
    return trial.nodes.indices.allSatisfy { other in
      other == node
        || !trial.nodes[other].operation.parameters.contains { values in
          values.first.flatMap { marks.place(of: $0)?.tensor } == tensor
        }
    }
  }

  /// The file with other parameters.
  ///
  /// - Parameter nodes: those of `graph` with other parameters.
  /// - Throws: `ImportError` that names a node whose parameters do not stand in the file by
  ///   themselves, or that shares them with another node.
  public func bytes(with nodes: [FloatGraph.Node]) throws(ImportError) -> [UInt8] {
    guard nodes.count == graph.nodes.count else {
      throw .unsupportedModel(rule: "\(nodes.count) nodes are given for \(graph.nodes.count)")
    }
    var replaced: [Int: [Float]] = [:]
    var owners: [Int: Int] = [:]
    for (number, node) in nodes.enumerated() {
      let own = graph.nodes[number].operation.parameters
      for (index, values) in node.operation.parameters.enumerated()
      where !own.indices.contains(index) || values != own[index] {
        let marked = trial.nodes[number].operation.parameters
        guard marked.indices.contains(index), marked[index].count == values.count else {
          throw Self.error(node, "the file has no place for what it needs")
        }
        for (mark, value) in zip(marked[index], values) {
          guard let place = marks.place(of: mark) else {
            throw Self.error(node, "the file does not hold its weights as they are")
          }
          guard owners[place.tensor, default: number] == number else {
            let other = nodes[owners[place.tensor] ?? number].name
            throw Self.error(node, "it shares its weights with '\(printable(other))'")
          }
          owners[place.tensor] = number
          replaced[place.tensor, default: tensors.values(place.tensor)][place.element] = value
        }
      }
    }
    let bytes = try tensors.bytes(replacing: replaced)
    try check(bytes, gives: nodes)
    return bytes
  }

  /// What was written is read again, since a hostile file may lay its tensors over one another.
  private func check(
    _ bytes: [UInt8], gives nodes: [FloatGraph.Node]
  ) throws(ImportError) {
    let made = try Self.graph(bytes, nil)
    guard Self.haveOneForm(graph, made) else {
      throw .unsupportedModel(rule: "with other weights its form is another")
    }
    for (wanted, found) in zip(nodes, made.nodes)
    where wanted.operation.parameters != found.operation.parameters {
      throw Self.error(wanted, "the file does not give back what was written for it")
    }
  }

  private static func graph(
    _ bytes: [UInt8], _ external: ExternalData.Source?
  ) throws(ImportError) -> FloatGraph {
    guard case .float(let graph) = try ModelImporter.load(bytes: bytes, external: external) else {
      throw .unsupportedModel(rule: "it is quantized already; a float model is needed")
    }
    return graph
  }

  /// Sizes of the tensors that can hold parameters. One number alone is left out: it may be a
  /// bound, which must stay below another.
  private static func sizes(of graph: FloatGraph) -> Set<Int> {
    Set(graph.nodes.flatMap { $0.operation.parameters.map(\.count) }).subtracting([0, 1])
  }

  private static func haveOneForm(_ graph: FloatGraph, _ other: FloatGraph) -> Bool {
    graph.nodes.count == other.nodes.count
      && zip(graph.nodes, other.nodes).allSatisfy {
        $0.name == $1.name && $0.operation.name == $1.operation.name
          && $0.operation.parameters.map(\.count) == $1.operation.parameters.map(\.count)
      }
  }

  private static func error(_ node: FloatGraph.Node, _ rule: String) -> ImportError {
    .invalidNode(node: node.name, operator: node.operation.name, rule: rule)
  }
}

/// Numbers of which no two are equal, one for each element of some tensors.
private struct Marks: Sendable {
  /// By tensor.
  let values: [Int: [Float]]
  /// The marked tensors, in the file's order, and the number of each one's first mark.
  private let tensors: [Int]
  private let starts: [Int]

  /// The bits of 1: marks are the numbers from there on, normal and not negative, as many as a file
  /// can have elements.
  private static let first: UInt32 = 0x3F80_0000

  init(_ counts: [Int], wanted: Set<Int>) {
    var (values, tensors, starts) = ([Int: [Float]](), [Int](), [0])
    for (tensor, count) in counts.enumerated() where wanted.contains(count) {
      let start = UInt32(starts[starts.count - 1])
      values[tensor] = (0..<UInt32(count)).map { Float(bitPattern: Self.first + start + $0) }
      tensors.append(tensor)
      starts.append(Int(start) + count)
    }
    (self.values, self.tensors, self.starts) = (values, tensors, starts)
  }

  /// nil for a number that is no mark.
  func place(of mark: Float) -> (tensor: Int, element: Int)? {
    guard mark.bitPattern >= Self.first else { return nil }
    let number = Int(mark.bitPattern - Self.first)
    guard number < starts[starts.count - 1] else { return nil }
    // The last tensor that starts at the number or before.
    var (low, high) = (0, tensors.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= number { low = middle } else { high = middle }
    }
    return (tensors[low], number - starts[low])
  }
}
