import CupelModelImport
import CupelTFLiteSchema
import Testing

/// STABLEHLO_COMPOSITE: the operators of its subgraph stand in its place.
@Suite struct TFLiteCompositeTests {
  /// Inner tensors stand in another order than the outer ones, so that a mix-up would show: a
  /// difference of the second input and the first, that is not below zero.
  private func difference(_ inner: inout TFLiteSource) {
    inner.tensors = (0..<4).map { _ in TFLiteSource.tensor([1, 1, 1, 2]) }
    inner.add(.sub, [1, 3], [2])
    inner.add(.relu, [2], [0])
    (inner.inputs, inner.outputs) = ([3, 1], [0])
  }

  private func source(_ fill: (inout TFLiteSource) -> Void) -> TFLiteSource {
    var source = TFLiteSource.pair([1, 1, 1, 2])
    source.tensors.append(TFLiteSource.tensor([1, 1, 1, 2]))
    let constant = source.constant([10, 20], [1, 1, 1, 2])
    let index = source.addSubgraph(fill)
    source.addComposite(index, [0, constant], [2])
    source.addComposite(index, [2, constant], [1])
    return source
  }

  @Test func isWhatItsSubgraphComputes() throws {
    let program = try TFLiteImporter.load(bytes: source(difference).bytes).integerProgram()
    // max(10 − 4, 0) = 6 and max(20 − 25, 0) = 0; then 4 and 20.
    #expect(try run(program, on: [4, 25]) == [4, 20])
  }

  @Test func mayStandInAnother() throws {
    var source = TFLiteSource.pair([1, 1, 1, 2])
    let first = source.addSubgraph { inner in
      inner.tensors = TFLiteSource.pair([1, 1, 1, 2]).tensors
      inner.add(.relu, [0], [1])
    }
    let second = source.addSubgraph { inner in
      inner.tensors = TFLiteSource.pair([1, 1, 1, 2]).tensors
      inner.addComposite(first, [0], [1])
    }
    source.addComposite(second, [0], [1])
    let program = try TFLiteImporter.load(bytes: source.bytes).integerProgram()
    #expect(try run(program, on: [4, -25]) == [4, 0])
  }

  @Test func operatorsAreNamedByTheirPlace() throws {
    let own = source { inner in
      difference(&inner)
      inner.add(16, [3], [2])  // LSTM
    }
    let text = try #require(refusal(own))
    #expect(text.contains("LSTM at '#0/#2'"))
  }

  @Test(arguments: [-1, 0, 7])
  func whatIsNoSubgraphStaysAnOperator(_ index: Int) {
    var source = TFLiteSource.pair()
    source.addComposite(index, [0], [1])
    #expect(refusal(source)?.contains("STABLEHLO_COMPOSITE at '#0'") == true)
  }

  /// Ends that are not the composite's, or one tensor twice.
  @Test(arguments: [
    ([3], [0]), ([3, 1], [1]), ([3, 3], [0]), ([3, 1], [0, 2]), ([3, -1], [0]),
  ])
  func endsAreChecked(_ inputs: [Int], _ outputs: [Int]) {
    let own = source { inner in
      difference(&inner)
      (inner.inputs, inner.outputs) = (inputs, outputs)
    }
    #expect(refusal(own)?.contains("STABLEHLO_COMPOSITE at '#0'") == true)
  }

  /// One that holds itself ends, and so does one that grows with each level.
  @Test(arguments: [1, 2, 40])
  func circlesEnd(_ count: Int) {
    var source = TFLiteSource.pair()
    _ = source.addSubgraph { inner in
      inner.tensors = TFLiteSource.pair().tensors
      for _ in 0..<count { inner.addComposite(1, [0], [1]) }
    }
    source.addComposite(1, [0], [1])
    let text = refusal(source)
    #expect(
      text?.contains("STABLEHLO_COMPOSITE") == true || text?.contains("composites of more") == true)
  }
}
