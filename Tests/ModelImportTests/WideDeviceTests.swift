import CupelDeviceSimulation
import CupelFixedPoint
import CupelModelImport
import CupelModelWriter
import Foundation
import TestSupport
import Testing

/// Operators of int16 on simulated boards: the values that LiteRT's reference kernels give.
@Suite(.needsBoards)
struct WideDeviceTests {
  /// A model's file and how many bytes it reads.
  private func model(_ file: Data) throws -> (bytes: [UInt8], size: Int) {
    let program = try TFLiteImporter.load(bytes: [UInt8](file), profile: .litertReference)
      .integerProgram()
    let input = program.tensors[program.input]
    return (
      try CupelWriter.bytes(of: program), input.elementCount * (input.bits == 16 ? 2 : 1)
    )
  }

  @Test(arguments: Boards.tested)
  func operators(_ board: Board) throws {
    var orders = Orders()
    for golden in WideGoldenTests.cases {
      let (bytes, size) = try model(golden.file)
      orders.program(bytes)
      orders.run(golden.input.int8, size: size)
    }
    let answers = try Simulator(board).run(orders).answers.answers
    try #require(answers.count == 2 * WideGoldenTests.cases.count)
    for (index, golden) in WideGoldenTests.cases.enumerated() {
      #expect(
        answers[2 * index + 1] == .outputs(golden.litert.int8, images: 3), "\(golden.name)")
    }
  }

  /// Every 64th input, against the reference kernels here, which are held to every one.
  @Test(arguments: Boards.tested)
  func functions(_ board: Board) throws {
    var orders = Orders()
    var expected: [[Int8]] = []
    let inputs = (0..<1024).flatMap { index in
      let value = Int16(truncatingIfNeeded: index * 64 - 32768)
      return [Int8(truncatingIfNeeded: value), Int8(truncatingIfNeeded: value >> 8)]
    }
    for golden in WideGoldenTests.functions {
      var program = try TFLiteImporter.load(
        bytes: [UInt8](golden.file), profile: .litertReference
      ).integerProgram()
      for tensor in program.tensors.indices {
        (program.tensors[tensor].height, program.tensors[tensor].width) = (1, 16)
      }
      orders.program(try CupelWriter.bytes(of: program))
      orders.run(inputs, size: inputs.count)
      expected.append(try run(program, on: inputs))
    }
    let answers = try Simulator(board).run(orders).answers.answers
    try #require(answers.count == 2 * expected.count)
    for (index, golden) in WideGoldenTests.functions.enumerated() {
      #expect(answers[2 * index + 1] == .outputs(expected[index], images: 1), "\(golden.name)")
    }
  }

  /// Firmware that was compiled without tensors of 16 bits refuses their version.
  @Test(.needsDeviceFirmware) func firmwareOfEightBitsRefusesThem() throws {
    let golden = try #require(WideGoldenTests.cases.first)
    var orders = Orders()
    orders.program(try model(golden.file).bytes)
    let answers = try #require(Boards.withoutRuntimeArithmetic).run(orders).answers.answers
    guard case .judgement(let rule, _, _)? = answers.first else {
      Issue.record("no judgement")
      return
    }
    // The version.
    #expect(rule == 5)
  }
}
