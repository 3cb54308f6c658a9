import CupelIntegerBuilder
import CupelModelWriter
import Testing

@Suite("Programs under construction")
struct ProgramBuilderTests {
  private var builder = ProgramBuilder(profile: .tflm)
  private let grid = Grid(scale: 0.5, zeroPoint: 3, bits: 8)
  private let input: Int

  init() {
    input = builder.addInput(IntegerTensor(name: "x", extent: [4, 5, 2], grid: grid))
  }

  @Test("a tensor, its extent and its grid")
  func tensor() {
    #expect(
      builder[input]
        == IntegerTensor(
          name: "x", height: 4, width: 5, channels: 2, bits: 8, zeroPoint: 3, scale: 0.5))
    #expect(builder[input].extent == [4, 5, 2] && builder[input].grid == grid)
    var other = builder[input]
    (other.extent, other.grid) = ([1, 2, 3], Grid(scale: 2, zeroPoint: -1, bits: 4))
    #expect(
      other
        == IntegerTensor(
          name: "x", height: 1, width: 2, channels: 3, bits: 4, zeroPoint: -1, scale: 2))
  }

  @Test("to its own grid a tensor stays what it is; within bounds it is limited")
  mutating func sameGrid() throws {
    #expect(try builder.requantized(input, to: grid, tensor: "y", operation: "o") == input)
    let limits = Bounds(low: 3, high: 127)
    let limited = try builder.requantized(
      input, to: grid, within: limits, tensor: "y", operation: "o")
    #expect(builder[limited].name == "y" && builder[limited].extent == [4, 5, 2])
    let operation = builder.program.operations[0]
    #expect(operation.name == "o" && operation.inputs == [input] && operation.output == limited)
    #expect(operation.kind == .clamp(.init(low: 3, high: 127)))
  }

  @Test("to another grid a tensor is requantized")
  mutating func otherGrid() throws {
    let target = Grid(scale: 1, zeroPoint: 0, bits: 4)
    let output = try builder.requantized(input, to: target, tensor: "y", operation: "o")
    #expect(builder[output].grid == target)
    let expected = try builder.rescale(from: grid, to: target)
    #expect(builder.program.operations.map(\.kind) == [.requantize(.init(expected))])
  }

  @Test("a tensor is given another grid by a table of itself")
  mutating func relabelled() {
    #expect(builder.relabelled(input, as: grid, named: "y") == input)
    let target = Grid(scale: 1, zeroPoint: 0, bits: 8)
    let output = builder.relabelled(input, as: target, named: "y")
    #expect(builder[output].grid == target)
    #expect(
      builder.program.operations[0].kind == .lookup(.init(table: (-128...127).map { Int8($0) })))
  }

  @Test("a tensor is repeated along axes of one element, and no others")
  mutating func repeated() throws {
    #expect(try builder.repeated(input, to: [4, 5, 2], named: "y") == input)
    let pixel = builder.add(IntegerTensor(name: "p", extent: [1, 1, 2], grid: grid))
    let output = try builder.repeated(pixel, to: [4, 5, 2], named: "y")
    #expect(builder[output].extent == [4, 5, 2])
    #expect(builder.program.operations[0].kind == .broadcast(.init()))
    var copy = builder
    let source = input
    #expect(throws: BuildError.extent([4, 5, 2], repeatedTo: [4, 5, 4])) {
      try copy.repeated(source, to: [4, 5, 4], named: "y")
    }
  }

  @Test("a window's padding becomes an operation of its own")
  mutating func padded() {
    var window = PaddedWindow(rows: WindowAxis(kernel: 2), columns: WindowAxis(kernel: 3))
    #expect(builder.padded(input, around: window, tensor: "y", operation: "o") == input)
    window.rows.before = 2
    window.columns.after = 1
    let output = builder.padded(input, around: window, tensor: "y", operation: "o")
    #expect(builder[output].extent == [6, 6, 2])
    #expect(
      builder.program.operations[0].kind == .pad(.init([2, 0, 0], value: 3)))
  }

  @Test("a finished program")
  mutating func finished() throws {
    let output = try builder.requantized(
      input, to: Grid(scale: 1, zeroPoint: 0, bits: 8), tensor: "y", operation: "o")
    let program = builder.finished(output: output, metadata: ["scheme": "w8a8"])
    #expect(program.input == input && program.output == output)
    #expect(program.tensors.count == 2 && program.metadata == ["scheme": "w8a8"])
  }
}
