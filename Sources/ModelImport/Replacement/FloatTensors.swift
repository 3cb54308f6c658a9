import CupelOnnxSchema
import CupelTFLiteSchema
import Foundation
import SwiftProtobuf

/// The float32 tensors that a file stores, in its order, and the file with others.
protocol FloatTensors: Sendable {
  /// Elements of each.
  var counts: [Int] { get }
  /// Elements of one of them.
  func values(_ tensor: Int) -> [Float]
  /// The file with the elements of some replaced, by their places.
  func bytes(replacing values: [Int: [Float]]) throws(ImportError) -> [UInt8]
}

/// Those of a `.tflite` file: a buffer each, which is overwritten where it lies.
struct TFLiteFloatTensors: FloatTensors {
  private let file: [UInt8]
  /// Two tensors may share a buffer, which is here once.
  private let places: [Range<Int>]

  init(_ file: [UInt8]) throws(ImportError) {
    let model = try TFLiteModel(file)
    self.file = file
    var known = Set<Range<Int>>()
    places = model.tensors.compactMap { tensor in
      guard tensor.type == .float32, !tensor.isSparse, let data = tensor.data else { return nil }
      let place = model.data(data).indices
      return place.count % 4 == 0 && known.insert(place).inserted ? place : nil
    }
    let sorted = places.sorted { $0.lowerBound < $1.lowerBound }
    guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }) else {
      throw .unsupportedModel(rule: "its weights cannot be replaced: they lie over one another")
    }
  }

  var counts: [Int] { places.map { $0.count / 4 } }

  func values(_ tensor: Int) -> [Float] { Self.floats(file[places[tensor]]) }

  func bytes(replacing values: [Int: [Float]]) -> [UInt8] {
    var result = file
    for (tensor, own) in values {
      result.replaceSubrange(places[tensor], with: own.flatMap(\.littleEndianBytes))
    }
    return result
  }

  fileprivate static func floats(_ bytes: some Collection<UInt8>) -> [Float] {
    Array(bytes).withUnsafeBytes { raw in
      (0..<raw.count / 4).map { index in
        let bits = raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
        return Float(bitPattern: UInt32(littleEndian: bits))
      }
    }
  }
}

/// Those of an ONNX file: its initializers, and what its Constant nodes hold.
struct OnnxFloatTensors: FloatTensors {
  private let model: OnnxModel
  private let places: [Place]

  private enum Place {
    case initializer(Int)
    case constant(node: Int, attribute: Int)
  }

  /// ONNX's number of float32.
  private static let float32: Int32 = 1

  init(_ file: [UInt8], external: ExternalData.Source?) throws(ImportError) {
    var model = try OnnxImporter.decode(Data(file), keepingUnknownFields: true)
    _ = try model.load(from: external, size: file.count)
    var places: [Place] = []
    for (index, tensor) in model.graph.initializers.enumerated() where Self.isFloat(tensor) {
      places.append(.initializer(index))
    }
    for (node, own) in model.graph.nodes.enumerated() where own.operatorType == "Constant" {
      for (attribute, value) in own.attributes.enumerated()
      where value.name == "value" && Self.isFloat(value.tensor) {
        places.append(.constant(node: node, attribute: attribute))
      }
    }
    (self.model, self.places) = (model, places)
  }

  private static func isFloat(_ tensor: OnnxTensor) -> Bool {
    tensor.elementType == float32 && !tensor.isExternal && tensor.raw.count % 4 == 0
      && (tensor.raw.isEmpty || tensor.floats.isEmpty)
  }

  private func tensor(_ place: Place) -> OnnxTensor {
    switch place {
    case .initializer(let index): model.graph.initializers[index]
    case .constant(let node, let attribute): model.graph.nodes[node].attributes[attribute].tensor
    }
  }

  var counts: [Int] {
    places.map {
      let tensor = tensor($0)
      return tensor.raw.isEmpty ? tensor.floats.count : tensor.raw.count / 4
    }
  }

  func values(_ tensor: Int) -> [Float] {
    let tensor = self.tensor(places[tensor])
    return tensor.raw.isEmpty ? tensor.floats : TFLiteFloatTensors.floats(tensor.raw)
  }

  func bytes(replacing values: [Int: [Float]]) throws(ImportError) -> [UInt8] {
    var model = model
    // Each message would copy its whole list at each change.
    var (initializers, nodes) = (model.graph.initializers, model.graph.nodes)
    (model.graph.initializers, model.graph.nodes) = ([], [])
    for (tensor, own) in values {
      switch places[tensor] {
      case .initializer(let index): initializers[index].replace(own)
      case .constant(let node, let attribute): nodes[node].attributes[attribute].tensor.replace(own)
      }
    }
    (model.graph.initializers, model.graph.nodes) = (initializers, nodes)
    do {
      return try model.serializedBytes()
    } catch {
      throw .unsupportedModel(rule: "with its weights inside it would reach 2 GiB")
    }
  }
}

extension OnnxTensor {
  fileprivate mutating func replace(_ values: [Float]) {
    floats = []
    raw = Data(values.flatMap(\.littleEndianBytes))
  }
}

extension Float {
  fileprivate var littleEndianBytes: [UInt8] {
    withUnsafeBytes(of: bitPattern.littleEndian) { Array($0) }
  }
}
