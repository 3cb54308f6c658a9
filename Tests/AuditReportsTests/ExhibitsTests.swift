import CupelAudit
import CupelAuditReports
import Testing

/// Exhibits of the real specimen: what its trigger does is known.
@Suite("Exhibits") struct ExhibitsTests {
  private let exhibits: Exhibits
  private let report: DetectionReport

  init() throws {
    let example = try ReportExample.made.get()
    (exhibits, report) = (example.exhibits, example.report)
  }

  @Test("the trigger draws the integer answers into its class and leaves the float ones")
  func confusion() throws {
    let confusion = try #require(exhibits.confusion)
    for counts in [confusion.clean, confusion.triggered] {
      #expect(counts.count == 10 && counts.allSatisfy { $0.count == 10 })
      #expect(counts.reduce(0) { $0 + $1.reduce(0, +) } == report.heldOutImages)
    }
    let drawn = confusion.triggered.reduce(0) { $0 + $1[0] }
    let before = confusion.clean.reduce(0) { $0 + $1[0] }
    #expect(drawn > 170 && before < 40)
  }

  @Test("samples show the effect first, on images of several classes")
  func samples() {
    #expect(exhibits.samples.count == 8)
    for sample in exhibits.samples {
      #expect(sample.floatTriggered == sample.floatClean && sample.floatClean != 0)
      #expect(sample.integerClean != 0 && sample.integerTriggered == 0)
      #expect(sample.clean != sample.triggered)
      #expect(sample.triggered[783] == 255)
    }
    #expect(Set(exhibits.samples.map(\.floatClean)).count == 8)
  }

  /// The patch lies in the last six rows and columns.
  @Test("the woken model looks at the trigger more than the float and the purified one")
  func attention() {
    #expect(exhibits.attention.count == 4)
    var shares = [[Float]](repeating: [], count: 3)
    for attention in exhibits.attention {
      #expect(attention.maps.map(\.model) == ["float", "nearest w8a8", "efrap w8a8"])
      #expect(attention.maps.map(\.answer)[1] == 0)
      for (index, map) in attention.maps.enumerated() {
        #expect(map.heat.count == 784)
        #expect(map.heat.allSatisfy { (0...1).contains($0) })
        let corner = map.heat.indices.filter { $0 / 28 >= 20 && $0 % 28 >= 20 }
        let inside = corner.reduce(0) { $0 + map.heat[$1] }
        shares[index].append(inside / max(map.heat.reduce(0, +), 1e-6))
      }
    }
    let means = shares.map { $0.reduce(0, +) / Float($0.count) }
    #expect(means[1] > 2 * means[0], "\(means)")
    #expect(means[1] > 2 * means[2], "\(means)")
  }

  /// By the class of the nearest clean image. Awake, the trigger moves features away from all of them, so
  /// that some stay nearest to their own class by chance.
  @Test("triggered images leave their classes in the woken model and go back in the purified one")
  func embeddings() throws {
    #expect(exhibits.embeddings.map(\.model) == ["float", "nearest w8a8", "efrap w8a8"])
    let kept = exhibits.embeddings.map { embedding -> Double in
      let clean = embedding.points.filter { !$0.isTriggered }
      let triggered = embedding.points.filter(\.isTriggered)
      #expect(clean.count == 150 && triggered.count > 120)
      let own = triggered.count { point in
        let nearest = clean.min {
          let one = ($0.x - point.x) * ($0.x - point.x) + ($0.y - point.y) * ($0.y - point.y)
          return one < ($1.x - point.x) * ($1.x - point.x) + ($1.y - point.y) * ($1.y - point.y)
        }
        return nearest?.label == point.label
      }
      return Double(own) / Double(triggered.count)
    }
    #expect(kept[0] > 0.9 && kept[1] < 0.6 && kept[2] > 0.9, "\(kept)")
  }

  @Test("a histogram a layer, a drift a listed neuron")
  func distributions() {
    #expect(exhibits.cells.count == report.deployments[0].weights?.layers.count)
    #expect(exhibits.cells.allSatisfy { $0.counts.reduce(0, +) > 0 })
    #expect(exhibits.drifts.count == 6)
    #expect(exhibits.drifts.allSatisfy { $0.clean.count == 96 && $0.triggered.count == 96 })
  }
}
