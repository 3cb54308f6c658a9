import CupelFixedPoint
import CupelFloatGraph
import CupelOnnxSchema
import Foundation
import SwiftProtobuf

/// Reads networks from ONNX files (IR version 3 and later, operator sets 7 to 28).
///
/// The file is not trusted: whatever its bytes, the result is a graph that `FloatGraph.validate`
/// accepts, an integer program, or an `ImportError`. Memory stays within four times the size of the
/// file, and of what initializers have in other files, plus 16 MiB.
public enum OnnxImporter {
  /// - Throws: `ImportError`.
  public static func load(path: String) throws(ImportError) -> FloatGraph {
    try load(try read(path), external: ExternalData.beside(path))
  }

  /// - Throws: `ImportError`.
  public static func load(bytes: [UInt8]) throws(ImportError) -> FloatGraph {
    try load(Data(bytes), external: nil)
  }

  private static func load(
    _ data: consuming Data, external: ExternalData.Source?
  ) throws(ImportError) -> FloatGraph {
    let size = data.count
    try ModelImporter.check(size: size)
    // The file's own bytes are given up before the weights are copied out of the decoded model.
    var model = try decode(consume data)
    let more = try model.load(from: external, size: size)
    return try OnnxConverter.convert(model, fileBytes: size + more)
  }

  /// A float graph, or an integer program where the file quantizes itself: QuantizeLinear and
  /// DequantizeLinear around float operators, or operators such as QLinearConv. Scales, zero points
  /// and integers are the file's own; unsigned values are moved by 128 (or 8) to signed ones.
  ///
  /// - Parameters:
  ///   - profile: whose rounding an integer program's operators carry.
  ///   - isOptimized: whether ONNX Runtime's optimizer makes one operator of a float one and the
  ///     QuantizeLinear behind it, as it does at its default options; else each is computed by itself,
  ///     as ONNX defines it.
  ///   - external: reads what initializers have in other files; nil refuses such models.
  /// - Throws: `ImportError`.
  public static func model(
    bytes: consuming [UInt8], profile: DeploymentProfile = .onnxruntime,
    isOptimized: Bool = true, external: ExternalData.Source? = nil
  ) throws(ImportError) -> ImportedModel {
    let size = bytes.count
    try ModelImporter.check(size: size)
    let data = Data(bytes)
    bytes = []
    var model = try decode(consume data)
    let total = size + (try model.load(from: external, size: size))
    guard model.isQuantized else {
      return .float(try OnnxConverter.convert(model, fileBytes: total))
    }
    return .integer(
      try QuantizedOnnxConverter.convert(
        model, fileBytes: total, profile: profile, isOptimized: isOptimized))
  }

  /// - Parameter keepingUnknownFields: whether what nobody here knows is kept, so that a model that
  ///   is written again still has it.
  static func decode(
    _ data: consuming Data, keepingUnknownFields: Bool = false
  ) throws(ImportError) -> OnnxModel {
    let data = data
    let scan = data.withUnsafeBytes { bytes -> Result<Void, ImportError> in
      Result { () throws(ImportError) in try OnnxWireScan.check(bytes) }
    }
    try scan.get()
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = !keepingUnknownFields
    do {
      return try OnnxModel(serializedBytes: data, options: options)
    } catch {
      throw .malformed(offset: 0, rule: "not an ONNX model: \(error)")
    }
  }

  /// Reads into memory rather than mapping: a mapped file that shrinks meanwhile is a crash.
  private static func read(_ path: String) throws(ImportError) -> Data {
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      let data = try handle.read(upToCount: ModelImporter.maximumBytes + 1) ?? Data()
      if data.count <= ModelImporter.maximumBytes { return data }
    } catch {
      throw .unreadable(path: path, reason: (error as NSError).localizedDescription)
    }
    throw .unreadable(path: path, reason: "it is larger than \(ModelImporter.maximumBytes) bytes")
  }
}
