import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport
import Testing

/// Arrays of many axes on operations of three, each against its definition on indices.
@Suite("Arrays of any rank")
struct ArrayTests {
  private static let grid = Grid(scale: 1, zeroPoint: 0, bits: 8)

  /// A row-major array of numbers.
  private struct Numbers: Equatable {
    var shape: [Int]
    var values: [Int]

    init(_ shape: [Int], _ value: ([Int]) -> Int) {
      self.shape = shape
      values = (0..<shape.reduce(1, *)).map { value(Self.place($0, shape)) }
    }

    static func place(_ index: Int, _ shape: [Int]) -> [Int] {
      var rest = index
      return shape.reversed().map { extent in
        defer { rest /= extent }
        return rest % extent
      }.reversed()
    }

    subscript(place: [Int]) -> Int {
      values[zip(place, shape).reduce(0) { $0 * $1.1 + $1.0 }]
    }
  }

  /// An array whose elements are told apart, and the tensor that holds it in three axes.
  private struct Case {
    var builder = ProgramBuilder(profile: .tflm)
    var generator: SeededGenerator
    let shape: [Int]
    let view: ArrayView
    let numbers: Numbers

    init(seed: UInt64, most: Int = 5) {
      generator = SeededGenerator(seed: seed)
      let rank = generator.integer(in: 0...6)
      var shape: [Int] = []
      for _ in 0..<rank {
        shape.append(generator.chance(0.3) ? 1 : generator.integer(in: 1...most))
      }
      self.shape = shape
      let axes = Array(repeating: 1, count: max(3 - rank, 0)) + shape
      let extent = [axes.dropLast(2).reduce(1, *)] + axes.suffix(2)
      let input = builder.addInput(IntegerTensor(name: "x", extent: extent, grid: ArrayTests.grid))
      view = ArrayView(input, shape: shape, name: "v")
      var next = -1
      numbers = Numbers(shape) { _ in
        next += 1
        return next % 251 - 125
      }
    }

    /// What a chain gives, by the definition of each operation.
    mutating func result(_ last: LastOperation) -> [Int] {
      let output = builder.append(last, named: "y")
      var values = [Int: [Int]]()
      values[view.tensor] = numbers.values
      for operation in builder.program.operations {
        values[operation.output] = ArrayTests.run(operation, builder, values)
      }
      return values[output] ?? []
    }
  }

  private static func run(
    _ operation: IntegerOperation, _ builder: ProgramBuilder, _ values: [Int: [Int]]
  ) -> [Int] {
    let inputs = operation.inputs.map { input in
      let numbers = values[input] ?? []
      var next = -1
      return Numbers(builder[input].extent) { _ in
        next += 1
        return numbers[next]
      }
    }
    let source = inputs[0]
    let extent = builder[operation.output].extent
    return Numbers(extent) { place in
      switch operation.kind {
      case .reshape: return source.values[place.reduceInto(extent)]
      case .slice(let own):
        return source[place.indices.map { own.start[$0] + own.step[$0] * place[$0] }]
      case .transpose(let own):
        var from = [0, 0, 0]
        for axis in 0..<3 { from[own.axes[axis]] = place[axis] }
        return source[from]
      case .pad(let own):
        let from = place.indices.map { place[$0] - own.before[$0] }
        let isInside = zip(from, source.shape).allSatisfy { (0..<$1).contains($0) }
        return isInside ? source[from] : Int(own.value)
      case .broadcast:
        return source[zip(place, source.shape).map { min($0, $1 - 1) }]
      case .gather(let own):
        var from = place
        from[own.axis] = own.indices[place[own.axis]]
        return source[from]
      case .lookup(let own): return Int(own.table[source[place] + 128])
      case .maxPool(let own):
        var largest = Int.min
        for row in 0..<own.window.kernelHeight {
          for column in 0..<own.window.kernelWidth {
            largest = max(largest, source[[place[0] + row, place[1] + column, place[2]]])
          }
        }
        return largest
      case .concatenate(let own):
        var from = place
        for input in inputs {
          if from[own.axis] < input.shape[own.axis] { return input[from] }
          from[own.axis] -= input.shape[own.axis]
        }
        return .min
      default:
        Issue.record("no chain here has a \(operation.kind.name)")
        return .min
      }
    }.values
  }

  private static let seeds: Range<UInt64> = 0..<400

  @Test("some elements of each axis")
  func slices() {
    for seed in Self.seeds {
      var own = Case(seed: seed)
      let axes = own.shape.map { extent in
        let start = own.generator.below(extent)
        let step = own.generator.chance(0.5) ? 1 : own.generator.integer(in: 1...3)
        let isWhole = own.generator.chance(0.4)
        return isWhole
          ? SliceAxis(of: extent)
          : SliceAxis(
            of: extent, start: start, step: step,
            count: own.generator.integer(in: 1...((extent - 1 - start) / step + 1)))
      }
      let last = own.builder.slice(own.view, axes)
      let expected = Numbers(axes.map(\.to)) { place in
        own.numbers[place.indices.map { axes[$0].start + axes[$0].step * place[$0] }]
      }
      #expect(own.result(last) == expected.values, "seed \(seed)")
    }
  }

  @Test("axes in another order, by few operations")
  func transposes() {
    for seed in Self.seeds {
      var own = Case(seed: seed, most: 3)
      let order = own.generator.permutation(own.shape.count)
      let last = own.builder.transpose(own.view, order: order)
      let expected = Numbers(order.map { own.shape[$0] }) { place in
        var from = place
        for (axis, source) in order.enumerated() { from[source] = place[axis] }
        return own.numbers[from]
      }
      #expect(own.result(last) == expected.values, "seed \(seed)")
      let transposes = own.builder.program.operations.count { operation in
        if case .transpose = operation.kind { true } else { false }
      }
      #expect(transposes <= 2 * max(own.shape.count - 2, 1), "seed \(seed)")
    }
  }

  @Test("elements of one value around an array")
  func pads() {
    for seed in Self.seeds {
      var own = Case(seed: seed, most: 3)
      func amounts() -> [Int] {
        own.shape.map { _ in own.generator.chance(0.5) ? 0 : own.generator.below(3) }
      }
      let (before, after) = (amounts(), amounts())
      let last = own.builder.pad(own.view, before: before, after: after, value: -128)
      let padded = own.shape.indices.map { own.shape[$0] + before[$0] + after[$0] }
      let expected = Numbers(padded) { place in
        let from = zip(place, before).map { $0 - $1 }
        return zip(from, own.shape).allSatisfy { (0..<$1).contains($0) } ? own.numbers[from] : -128
      }
      #expect(own.result(last) == expected.values, "seed \(seed)")
    }
  }

  @Test("repetition along axes of one element, and along axes in front")
  func broadcasts() throws {
    for seed in Self.seeds {
      var own = Case(seed: seed, most: 3)
      let front = (0..<own.generator.below(2)).map { _ in own.generator.integer(in: 1...3) }
      let shape = front + own.shape.map { $0 == 1 ? own.generator.integer(in: 1...3) : $0 }
      let last = try own.builder.broadcast(own.view, to: shape)
      let expected = Numbers(shape) { place in
        own.numbers[zip(place.dropFirst(front.count), own.shape).map { $1 == 1 ? 0 : $0 }]
      }
      #expect(own.result(last) == expected.values, "seed \(seed)")
    }
    var own = Case(seed: 5)
    let view = ArrayView(own.view.tensor, shape: [2], name: "")
    #expect(throws: BuildError.extent([2], repeatedTo: [3])) {
      try own.builder.broadcast(view, to: [3])
    }
  }

  @Test("arrays one after another along an axis")
  func concatenations() {
    for seed in Self.seeds {
      var own = Case(seed: seed, most: 3)
      guard !own.shape.isEmpty else { continue }
      let axis = own.generator.below(own.shape.count)
      let count = own.generator.integer(in: 1...3)
      let last = own.builder.join(
        Array(repeating: own.view, count: count), axis: axis, named: "j")
      var shape = own.shape
      shape[axis] *= count
      let expected = Numbers(shape) { place in
        var from = place
        from[axis] %= own.shape[axis]
        return own.numbers[from]
      }
      #expect(own.result(last) == expected.values, "seed \(seed)")
    }
  }

  @Test("elements by their indices")
  func gathers() {
    for seed in Self.seeds {
      var own = Case(seed: seed)
      guard !own.shape.isEmpty else { continue }
      let axis = own.generator.below(own.shape.count)
      let indices = (0..<own.generator.integer(in: 1...4)).map { _ in
        own.generator.below(own.shape[axis])
      }
      let last = own.builder.gather(own.view, axis: axis, indices: indices)
      var shape = own.shape
      shape[axis] = indices.count
      let expected = Numbers(shape) { place in
        var from = place
        from[axis] = indices[place[axis]]
        return own.numbers[from]
      }
      #expect(own.result(last) == expected.values, "seed \(seed)")
    }
  }

  @Test("the largest and the smallest along axes", arguments: [true, false])
  func extremes(isLargest: Bool) {
    for seed in Self.seeds {
      var own = Case(seed: seed, most: 3)
      let axes = Set(own.shape.indices.filter { _ in own.generator.chance(0.5) })
      let last =
        isLargest
        ? own.builder.maximum(own.view, over: axes) : own.builder.minimum(own.view, over: axes)
      var expected: [[Int]: Int] = [:]
      for index in own.numbers.values.indices {
        var place = Numbers.place(index, own.shape)
        for axis in axes { place[axis] = 0 }
        let value = own.numbers.values[index]
        expected[place] =
          expected[place].map { isLargest ? max($0, value) : min($0, value) } ?? value
      }
      let kept = own.shape.indices.map { axes.contains($0) ? 1 : own.shape[$0] }
      #expect(
        own.result(last) == Numbers(kept) { expected[$0] ?? .min }.values, "seed \(seed)")
    }
  }

  @Test("what is reduced comes to the front")
  func reducible() {
    for seed in Self.seeds {
      var own = Case(seed: seed, most: 3)
      let axes = Set(own.shape.indices.filter { _ in own.generator.chance(0.5) })
      let tensor = own.builder.reducible(own.view, over: axes)
      let held = own.builder[tensor]
      let count = axes.reduce(1) { $0 * own.shape[$1] }
      #expect(held.height * held.width == count, "seed \(seed)")
      let values = own.result(LastOperation(.reshape(.init()), [tensor], extent: held.extent))
      var sums: [[Int]: Int] = [:]
      for index in own.numbers.values.indices {
        let place = Numbers.place(index, own.shape).enumerated()
        sums[place.filter { !axes.contains($0.offset) }.map(\.element), default: 0] +=
          own.numbers.values[index]
      }
      let kept = own.shape.indices.filter { !axes.contains($0) }.map { own.shape[$0] }
      let expected = Numbers(kept) { sums[$0] ?? .min }.values
      let given = (0..<held.channels).map { channel in
        (0..<count).reduce(0) { $0 + values[$1 * held.channels + channel] }
      }
      #expect(given == expected, "seed \(seed)")
    }
  }

  @Test("where one operation on the tensor as it lies will do, there is no other")
  func single() throws {
    var builder = ProgramBuilder(profile: .tflm)
    let input = builder.addInput(IntegerTensor(name: "x", extent: [4, 5, 6], grid: Self.grid))
    let view = ArrayView(input, shape: [1, 4, 5, 6], name: "v")
    let axes = [
      SliceAxis(of: 1), SliceAxis(of: 4, start: 1, step: 2, count: 2), SliceAxis(of: 5),
      SliceAxis(of: 6, start: 2, count: 3),
    ]
    #expect(
      builder.slice(view, axes)
        == LastOperation(
          .slice(.init(start: [1, 0, 2], step: [2, 1, 1])), [input], extent: [2, 5, 3]))
    #expect(
      builder.transpose(view, order: [0, 3, 1, 2])
        == LastOperation(.transpose(.init(axes: [2, 0, 1])), [input], extent: [6, 4, 5]))
    #expect(
      builder.pad(view, before: [0, 1, 0, 2], after: [0, 0, 1, 0], value: 3)
        == LastOperation(.pad(.init([1, 0, 2], value: 3)), [input], extent: [5, 6, 8]))
    #expect(
      builder.join([view, view], axis: 2, named: "j")
        == LastOperation(.concatenate(.init(axis: 1)), [input, input], extent: [4, 10, 6]))
    #expect(builder.reducible(view, over: [1, 2]) == input)
    #expect(builder.program.operations.isEmpty)
  }
}

extension [Int] {
  /// The index in memory of a place in a shape.
  fileprivate func reduceInto(_ shape: [Int]) -> Int {
    zip(self, shape).reduce(0) { $0 * $1.1 + $1.0 }
  }
}
