import CupelQuantization
import Testing

@Suite("Scheme names")
struct SchemeTests {
  @Test("a bare name has the defaults")
  func defaults() throws {
    for (name, weights, activations) in [
      ("w8a8", 8, 8), ("w4a8", 4, 8), ("w4a4", 4, 4), ("w8a4", 8, 4),
    ] {
      let scheme = try Scheme(name)
      #expect(scheme == Scheme(weightBits: weights, activationBits: activations))
      #expect(scheme.description == name)
      #expect(scheme.granularity == .perChannel)
      #expect(scheme.folding == .post)
      #expect(scheme.range == .minmax)
      #expect(!scheme.fullRange && !scheme.edgesAtEightBits)
    }
  }

  @Test(
    "suffixes stand in any order, and the canonical name leaves out defaults",
    arguments: [
      ("w4a4.pc.post.minmax", "w4a4"), ("w4a4.pre.pt", "w4a4.pt.pre"),
      ("w8a8.edge8.full.mse.pre.pt", "w8a8.pt.pre.mse.full.edge8"), ("w4a8.ema", "w4a8.ema"),
      ("w4a8.pct.pc", "w4a8.pct"), ("w8a4.full", "w8a4.full"), ("w4a4.edge8", "w4a4.edge8"),
    ])
  func canonical(name: String, canonical: String) throws {
    let scheme = try Scheme(name)
    #expect(scheme.description == canonical)
    #expect(try Scheme(canonical) == scheme)
  }

  @Test("every scheme's name leads back to it")
  func roundTrip() throws {
    for bits in [(8, 8), (4, 8), (4, 4), (8, 4)] {
      for granularity in Scheme.Granularity.allCases {
        for folding in Scheme.Folding.allCases {
          for range in Scheme.RangeEstimation.allCases {
            for flags in [(false, false), (false, true), (true, false), (true, true)] {
              let scheme = Scheme(
                weightBits: bits.0, activationBits: bits.1, granularity: granularity,
                folding: folding, range: range, fullRange: flags.0, edgesAtEightBits: flags.1)
              #expect(try Scheme(scheme.description) == scheme)
            }
          }
        }
      }
    }
  }

  @Test(
    "what is not understood is named",
    arguments: [
      ("", "it starts with one of w4a16, w4a4, w4a8, w8a16, w8a4, w8a8"), ("w2a8", "it starts with"),
      ("W8A8", "it starts with"), (" w8a8", "it starts with"), (".pt", "it starts with"),
      ("w8a8.", "'.' is none of"), ("w8a8..pt", "'.' is none of"),
      ("w8a8.pq", "'.pq' is none of .pc .pt .post .pre .minmax .ema .pct .mse .full .edge8"),
      ("w8a8.PT", "'.PT' is none of"), ("w8a8.pt ", "'.pt ' is none of"),
      ("w8a8.pt.pc", "its granularity is given twice"), ("w8a8.pt.pt", "its granularity"),
      ("w8a8.pre.post", "its folding is given twice"),
      ("w8a8.ema.mse", "its range estimation is given twice"),
      ("w8a8.full.full", "its full is given twice"), ("w8a8.edge8.edge8", "its edge8 is given"),
    ])
  func errors(name: String, rule: String) {
    let error = #expect(throws: QuantizationError.self) { try Scheme(name) }
    guard case .scheme(let found, let why)? = error else {
      Issue.record("\(String(describing: error)) is not about the name")
      return
    }
    #expect(found == name)
    #expect(why.hasPrefix(rule))
    #expect(error?.description == "scheme '\(name)': \(why)")
  }

  @Test("the standard matrix and the list of all hold what they promise")
  func lists() {
    #expect(
      Scheme.standardMatrix.map(\.description)
        == ["w8a8", "w8a8.pt.pre", "w4a8", "w4a8.pt.pre", "w4a4", "w4a4.pt.pre"])
    #expect(Set(Scheme.all).count == 3 * 2 * 2 * 4)
    #expect(Set(Scheme.standardMatrix).isSubset(of: Set(Scheme.all)))
  }

  @Test("weights are symmetric unless the whole range is asked for")
  func limits() throws {
    #expect(try Scheme("w8a8").weightLimits(bits: 8) == -127...127)
    #expect(try Scheme("w8a8").weightLimits(bits: 4) == -7...7)
    #expect(try Scheme("w8a8.full").weightLimits(bits: 8) == -128...127)
    #expect(try Scheme("w8a8.full").weightLimits(bits: 4) == -8...7)
  }
}
