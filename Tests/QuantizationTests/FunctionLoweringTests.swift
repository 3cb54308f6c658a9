import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import CupelQuantization
import CupelSupport
import Foundation
import TestSupport
import Testing

@Suite("Lowering of activation functions and products")
struct FunctionLoweringTests {
  /// A function, what its table is known by, and the function in double precision.
  struct Function: CustomTestStringConvertible, Sendable {
    var operation: FloatGraph.Operation
    var kind: TableFunction.Kind
    var slope: Float = 0
    var value: @Sendable (Double) -> Double

    var testDescription: String { operation.name }
  }

  static let functions = [
    Function(operation: .sigmoid, kind: .logistic) { 1 / (1 + exp(-$0)) },
    Function(operation: .hyperbolicTangent, kind: .hyperbolicTangent) { tanh($0) },
    Function(operation: .hardSwish, kind: .hardSwish) { $0 * min(max($0 + 3, 0), 6) / 6 },
    Function(operation: .leakyRelu(slope: 0.1), kind: .leakyRelu, slope: 0.1) {
      max($0, 0) + Double(Float(0.1)) * min($0, 0)
    },
    Function(operation: .leakyRelu(slope: -0.5), kind: .leakyRelu, slope: -0.5) {
      max($0, 0) - 0.5 * min($0, 0)
    },
  ]

  private func lookups(_ program: IntegerProgram) -> [IntegerOperation.Lookup] {
    program.operations.compactMap {
      guard case .lookup(let own) = $0.kind else { return nil }
      return own
    }
  }

  /// What the file's checker makes of the program.
  private func reread(_ program: IntegerProgram) throws -> IntegerProgram {
    try withModelView(try CupelWriter.bytes(of: program)) { CupelReader.program(from: $0) }
  }

  /// Those of the table's values that are not the function's, rounded, and the largest difference.
  private func differences(
    _ table: [Int8], from: Grid, to: Grid, _ value: (Double) -> Double
  ) -> (count: Int, largest: Int) {
    let distances = (-128...127).map { integer -> Int in
      let real = value(Double(from.scale) * Double(integer - from.zeroPoint))
      let steps = (real / Double(to.scale)).rounded(.toNearestOrAwayFromZero)
      let wanted = min(max(Int(steps) + to.zeroPoint, -128), 127)
      return abs(Int(table[integer + 128]) - wanted)
    }
    return (distances.count { $0 > 0 }, distances.max() ?? 0)
  }

  @Test(
    "a table names its function, with the arithmetic of the profile", arguments: functions,
    DeploymentProfile.allCases)
  func named(_ function: Function, _ profile: DeploymentProfile) throws {
    var generator = SeededGenerator(seed: 2)
    for (low, high): (Float, Float) in [(-1, 1), (-6, 6), (-4, 0.5), (0, 9)] {
      var builder = GraphBuilder([2, 3, 4])
      // It may read a flattened image: the elements' order does not matter to it.
      let bent = builder.apply(function.operation, builder.flatten(0))
      let sum = builder.linear(bent, weights: [Float](repeating: 0.1, count: 24), outputs: 1)
      let graph = try builder.graph(output: sum)
      let plan = try QuantizationPlan(graph, generator.images(9, [2, 3, 4], low, high), "w4a4")
      let program = try Lowering.program(plan.nearest(), profile: profile)
      // The layer behind it reads a copy of 4 bits.
      #expect(program.tensors.map(\.bits) == [8, 8, 4, 8])
      let lookup = try #require(lookups(program).first)
      let named = TableFunction(
        function.kind, under: profile, slopeBits: function.slope.bitPattern)
      #expect(lookup.function == named)
      #expect(try reread(program).operations == program.operations)
      let found = differences(
        lookup.table, from: plan.grids[0], to: plan.grids[bent], function.value)
      #expect(found.largest <= 1)
      // In float32 only what is next to a tie may differ; XNNPACK has few bits for a slope.
      if ![.fixedPoint, .xnnpack].contains(named.arithmetic) { #expect(found.count < 3) }
    }
  }

  @Test(
    "a sigmoid's grid, and a tanh's, is TensorFlow Lite's, whatever calibration sees",
    arguments: [
      (FloatGraph.Operation.sigmoid, Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)),
      (.hyperbolicTangent, Grid(scale: 1 / 128, zeroPoint: 0, bits: 8)),
    ])
  func functionsGrid(_ operation: FloatGraph.Operation, _ grid: Grid) throws {
    var builder = GraphBuilder([1, 2, 2])
    let bent = builder.apply(operation, 0)
    let graph = try builder.graph(output: bent)
    for scheme in ["w8a8", "w4a4.mse", "w8a8.pt.pre"] {
      let plan = try QuantizationPlan(
        graph, Tensor(batch: 1, shape: [1, 2, 2], values: [-1, 0, 0.5, 1]), scheme)
      #expect(plan.grids[bent] == grid)
    }
  }

  /// The integer arithmetic of TensorFlow Lite's hard swish wants an output scale of at least a
  /// 128th of the input's.
  @Test("between grids without a table in fixed point the function itself is tabulated, unnamed")
  func unnamed() throws {
    var builder = GraphBuilder([1, 1, 4])
    let bent = builder.apply(.hardSwish, 0)
    let graph = try builder.graph(output: bent)
    let plan = try QuantizationPlan(
      graph, Tensor(batch: 1, shape: [1, 1, 4], values: [-100, -1.5, 0, 0.01]))
    for profile in DeploymentProfile.allCases {
      let program = try Lowering.program(plan.nearest(), profile: profile)
      let lookup = try #require(lookups(program).first)
      let named = TableFunction(.hardSwish, under: profile)
      #expect(lookup.function == (named.arithmetic == .fixedPoint ? nil : named))
      #expect(try reread(program).operations == program.operations)
      let found = differences(lookup.table, from: plan.grids[0], to: plan.grids[bent]) {
        $0 * min(max($0 + 3, 0), 6) / 6
      }
      #expect(found.largest <= 1 && found.count < 3)
    }
  }

  @Test("a product has the ratio of its scales, and the clamp behind it")
  func product() throws {
    var builder = GraphBuilder([2, 2, 3])
    let gate = builder.apply(.sigmoid, 0)
    let output = builder.clamp(builder.multiply(0, gate), -0.25, 0.5)
    let graph = try builder.graph(output: output)
    var generator = SeededGenerator(seed: 4)
    let plan = try QuantizationPlan(graph, generator.images(8, [2, 2, 3], -3, 2))
    #expect(plan.fused.units.count == 2)
    let (from, to) = (plan.grids[0], plan.grids[output])
    for profile in DeploymentProfile.allCases {
      let program = try Lowering.program(plan.nearest(), profile: profile)
      guard case .multiply(let own) = program.operations[1].kind else {
        Issue.record("it is \(program.operations[1].kind)")
        return
      }
      #expect(program.operations[1].inputs == [0, 1])
      let ratio = Double(from.scale) / 256 / Double(to.scale)
      let fixed =
        Double(own.rescale.multiplier)
        * Double(sign: .plus, exponent: Int(own.rescale.shift) - 31, significand: 1)
      #expect(abs(fixed / ratio - 1) < 2e-7)
      #expect(Int(own.rescale.low) == to.quantize(-0.25))
      #expect(Int(own.rescale.high) == to.quantize(0.5))
      #expect(try reread(program).operations == program.operations)
    }
  }

  @Test("a product of flattened images treats each element by itself, wherever it lies")
  func flattened() throws {
    var builder = GraphBuilder([2, 2, 3])
    let flat = builder.flatten(0)
    let square = builder.multiply(flat, flat)
    let value = builder.linear(square, weights: (0..<24).map(Float.init), outputs: 2)
    let graph = try builder.graph(output: value)
    var generator = SeededGenerator(seed: 4)
    let plan = try QuantizationPlan(graph, generator.images(8, [2, 2, 3]))
    let program = try Lowering.program(plan.nearest())
    #expect(program.operations.map(\.name) == ["n1", "n2"])
  }
}
