import CupelFixedPoint
import CupelIntegerOperators
import CupelModelExport
import CupelModelWriter
import Foundation
import TestSupport
import Testing

/// Exported files as they were run by LiteRT's reference kernels: `tools/golden/exported_tflite.py`.
@Suite struct LiteRTGoldenTests {
  /// Seeds of the random programs that were recorded.
  static let seeds: [UInt64] = [14, 35, 42, 45, 46, 47, 52, 58, 61, 64, 66, 70, 74, 85, 88]

  /// Those with transposed convolutions.
  static let transposedSeeds: [UInt64] = [14, 20, 26, 42, 44, 45, 50, 56]

  struct Record: Decodable {
    struct File: Decodable {
      let file: String
      /// int8 in base64: inputs of several images, [H][W][C], and what LiteRT gives.
      let inputs: Data
      let outputs: Data
    }

    let versions: [String: String]
    let files: [File]
  }

  static func programs() throws -> [(name: String, program: IntegerProgram)] {
    let random = seeds.map {
      ("random-\($0)", Programs.random(seed: $0, from: Programs.unconditional))
    }
    let networks = try ["qdq-u8s8-resnet-a", "qdq-u8s4-vgg", "qdq-u8s8-mobilenet"].map {
      ($0, try Programs.quantized($0))
    }
    let transposed = transposedSeeds.map {
      ("transposed-\($0)", Programs.random(seed: $0, from: Programs.transposed))
    }
    let functions = [("functions", try Programs.functions(under: .litertReference))]
    return random + networks + transposed + functions
  }

  /// With CUPEL_EXPORT_PROGRAMS naming a folder the programs are written there, for
  /// `tools/peers/agreement.py` to export and run; and the functions as TensorFlow Lite
  /// Micro tabulates them, and ONNX Runtime.
  @Test(.enabled(if: Settings.exportPrograms != nil, "CUPEL_EXPORT_PROGRAMS names no folder"))
  func programsAreWritten() throws {
    let folder = try #require(Settings.exportPrograms)
    let others = try [
      ("functions-tflm", Programs.functions(under: .tflm)),
      ("functions-onnxruntime", Programs.functions(under: .onnxruntime)),
    ]
    for (name, program) in try Self.programs() + others {
      try Data(CupelWriter.bytes(of: program)).write(
        to: URL(fileURLWithPath: "\(folder)/\(name).cupel"))
    }
  }

  /// With CUPEL_EXPORT_GOLDEN naming a folder the files are written there, for the script to run.
  @Test func filesAreTheRecordedOnes() throws {
    let folder = Settings.exportGolden
    for (name, program) in try Self.programs() {
      let exported = try TFLiteExporter.export(program)
      if let folder {
        try Data(exported.bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name).tflite"))
      } else {
        let recorded = try Data(
          contentsOf: Programs.golden.appendingPathComponent("\(name).tflite"))
        #expect(exported.bytes == [UInt8](recorded), "\(name)")
      }
    }
  }

  @Test(.enabled(if: Settings.exportGolden == nil, "CUPEL_EXPORT_GOLDEN: values are recorded anew"))
  func programsComputeWhatLiteRTComputes() throws {
    let data = try Data(contentsOf: Programs.golden.appendingPathComponent("litert.json"))
    let record = try JSONDecoder().decode(Record.self, from: data)
    #expect(record.versions["ai-edge-litert"] == "2.3.0")
    let programs = Dictionary(
      uniqueKeysWithValues: try Self.programs().map { ($0.name, $0.program) })
    #expect(record.files.count == programs.count)
    for file in record.files {
      let program = try #require(programs[file.file])
      let inputs = file.inputs.map { Int8(bitPattern: $0) }
      let outputs = file.outputs.map { Int8(bitPattern: $0) }
      #expect(
        try Programs.outputs(program, .litertReference, inputs) == outputs, "\(file.file)")
      // A case that is clamped everywhere would tell nothing.
      #expect(Set(outputs).count > 2, "\(file.file)")
    }
  }
}
