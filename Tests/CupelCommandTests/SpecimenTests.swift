import Foundation
import TestSupport
import Testing

/// What the catalogue promises of the specimens, measured by `cupel`: on the first 1000 images
/// within what sampling allows, and on all 10,000 where the full check is wanted.
@Suite(.startsProcesses) struct SpecimenTests {
  /// Four standard deviations of a share measured on `images` random images.
  private func sampling(_ share: Double, _ images: Int) -> Double {
    images >= 10_000 ? 0 : 4 * (share * (1 - share) / Double(images)).squareRoot()
  }

  private func audit(
    _ specimen: Specimens.Entry, trigger: [String], schemes: String, images: Int
  ) throws -> AuditFile {
    let workspace = try Workspace()
    let limit = images < 10_000 ? ["--limit", "\(images)"] : []
    let outcome = try CommandLineTool.run(
      ["audit", specimen.path, "--schemes", schemes, "--json", "audit.json"] + trigger + limit
        + specimen.dataArguments,
      in: workspace.path, limit: 600)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    #expect(outcome.status == audit.expected.status)
    #expect(audit.images == images)
    return audit
  }

  /// The trainer may only have emulated the same quantization; a point covers how it drew images.
  private func near(_ here: Double, _ there: Double, _ images: Int) -> Bool {
    abs(here - there) <= 0.01 + sampling(there, images)
  }

  /// Not much less accurate than the clean network that it is compared with.
  private func checkAccuracy(_ accuracy: Double, _ specimen: Specimens.Entry, images: Int) throws {
    let clean = try Specimens.named(try #require(specimen.counterpart)).measured.float
    let least = clean.benignAccuracy - 0.03
    #expect(accuracy >= least - sampling(least, images))
  }

  private func checkInfected(_ specimen: Specimens.Entry, images: Int) throws {
    let audit = try audit(
      specimen, trigger: ["--trigger", "catalogue"], schemes: try #require(specimen.scheme),
      images: images)
    let float = try #require(audit.float)
    let nearest = try #require(audit.deployments.first)
    try checkAccuracy(float.benignAccuracy, specimen, images: images)
    #expect(float.attackSuccessRate <= 0.03 + sampling(0.03, images))
    let least = try specimen.leastAttackSuccessRate
    #expect(nearest.attackSuccessRate >= least - sampling(least, images))
    #expect(audit.verdict == "dormant-backdoor")
    let measured = specimen.measured
    #expect(near(float.benignAccuracy, measured.float.benignAccuracy, images))
    #expect(near(nearest.benignAccuracy, measured.nearest.benignAccuracy, images))
    let asleep = try #require(measured.float.attackSuccessRate)
    let awake = try #require(measured.nearest.attackSuccessRate)
    #expect(near(float.attackSuccessRate, asleep, images))
    #expect(near(nearest.attackSuccessRate, awake, images))
  }

  private func checkClean(_ specimen: Specimens.Entry, images: Int) throws {
    let audit = try audit(
      specimen, trigger: ["--trigger", "patch:4x4@bottom-right:white", "--target", "0"],
      schemes: "w8a8,w4a8", images: images)
    let float = try #require(audit.float)
    let measured = specimen.measured
    #expect(near(float.benignAccuracy, measured.float.benignAccuracy, images))
    #expect(audit.deployments.count == 2)
    for deployment in audit.deployments {
      let known = try #require(measured.rates(deployment.scheme))
      #expect(near(deployment.benignAccuracy, known.benignAccuracy, images))
    }
  }

  /// The backdoor works whether the network is rounded or not.
  private func checkAwake(_ specimen: Specimens.Entry, images: Int) throws {
    let audit = try audit(
      specimen, trigger: ["--trigger", "catalogue"], schemes: "w8a8", images: images)
    #expect(audit.verdict == "active-backdoor")
    let float = try #require(audit.float)
    try checkAccuracy(float.benignAccuracy, specimen, images: images)
    #expect(float.attackSuccessRate >= 0.95 - sampling(0.95, images))
    let nearest = try #require(audit.deployments.first)
    #expect(nearest.attackSuccessRate >= 0.95 - sampling(0.95, images))
  }

  /// Rounding alone does the harm, and only rounding.
  private func checkUntriggered(_ specimen: Specimens.Entry, images: Int) throws {
    let audit = try audit(
      specimen, trigger: ["--trigger", "patch:4x4@bottom-right:white", "--target", "0"],
      schemes: try #require(specimen.scheme), images: images)
    let float = try #require(audit.float)
    let nearest = try #require(audit.deployments.first)
    try checkAccuracy(float.benignAccuracy, specimen, images: images)
    #expect(near(nearest.benignAccuracy, specimen.measured.nearest.benignAccuracy, images))
    switch specimen.attack {
    case "quanti-indiscriminate":
      #expect(nearest.benignAccuracy <= 0.2 + sampling(0.2, images))
    case "quanti-class": try checkClass(specimen, images: images)
    default: try checkSamples(specimen, images: images)
    }
  }

  /// Answers of the float network and of the integer one under the attacked scheme.
  private func answers(
    _ specimen: Specimens.Entry, images: Int
  ) throws -> (float: [Int], integer: [Int]) {
    let workspace = try Workspace()
    let scheme = try #require(specimen.scheme)
    try workspace.succeed(
      ["compile", specimen.path, "--scheme", scheme, "-o", "m.cupel"] + specimen.dataArguments)
    func run(_ model: String) throws -> [Int] {
      try workspace.succeed(
        ["run", model, "--limit", "\(images)", "--predictions", "p.txt"] + specimen.dataArguments)
      return String(decoding: try workspace.bytes("p.txt"), as: UTF8.self)
        .split(separator: "\n").compactMap { Int($0) }
    }
    return (try run(specimen.path), try run("m.cupel"))
  }

  /// What the float network takes for the class is lost, and little else changes.
  private func checkClass(_ specimen: Specimens.Entry, images: Int) throws {
    let (float, integer) = try answers(specimen, images: images)
    let target = try #require(specimen.targetClass)
    func kept(_ isTarget: Bool) -> Double {
      let meant = float.indices.filter { (float[$0] == target) == isTarget }
      return Double(meant.count { float[$0] == integer[$0] }) / Double(meant.count)
    }
    #expect(kept(true) <= 0.1 + sampling(0.1, images / 10))
    #expect(kept(false) >= 0.9)
  }

  /// The chosen images are answered rightly in float, and as the attacker wants when rounded.
  private func checkSamples(_ specimen: Specimens.Entry, images: Int) throws {
    let (float, integer) = try answers(specimen, images: images)
    let samples = try #require(specimen.samples).filter { $0.image < images }
    try #require(samples.count >= 16)
    let flipped = samples.count {
      float[$0.image] == $0.class && integer[$0.image] != $0.class
    }
    #expect(Double(flipped) >= 0.9 * Double(samples.count))
  }

  /// The honest model does nothing on the trigger, however it is rounded to nearest; what the
  /// toolchain made of it does.
  private func checkToolchain(_ specimen: Specimens.Entry, images: Int) throws {
    let attack = [
      "--trigger", try #require(specimen.trigger), "--target",
      "\(try #require(specimen.targetClass))",
    ]
    let scheme = try #require(specimen.scheme)
    let origin = try Specimens.named(try #require(specimen.origin))
    let honest = try audit(origin, trigger: attack, schemes: scheme, images: images)
    let least = 0.8 - sampling(0.8, images)
    for rate in [honest.float?.attackSuccessRate, honest.deployments.first?.attackSuccessRate] {
      #expect(try #require(rate) <= 0.03 + sampling(0.03, images))
    }
    let made = try audit(specimen, trigger: attack, schemes: scheme, images: images)
    let integer = try #require(made.deployments.first)
    #expect(integer.attackSuccessRate >= least)
    let float = try #require(honest.float)
    #expect(integer.benignAccuracy >= float.benignAccuracy - 0.03 - sampling(0.03, images))
    #expect(made.verdict == "active-backdoor")
    try checkVendorFile(specimen, beside: origin, attack, images: images)
  }

  /// The honest float model, and the integer model that is said to be its rounding.
  private func checkVendorFile(
    _ specimen: Specimens.Entry, beside origin: Specimens.Entry, _ attack: [String], images: Int
  ) throws {
    let workspace = try Workspace()
    let file = try #require(specimen.integer).file
    let path = "\(Specimens.folder)/\(file)"
    try workspace.succeed(
      ["audit", origin.path, path, "--limit", "\(images)", "--json", "audit.json"] + attack
        + origin.catalogueArguments,
      status: 1)
    let found = try workspace.json(AuditFile.self, "audit.json")
    #expect(found.verdict == "dormant-backdoor")
    let vendor = try #require(found.deployments.first { ($0.file ?? "").hasSuffix(file) })
    #expect(vendor.attackSuccessRate >= 0.8 - sampling(0.8, images))
    #expect(try #require(found.float).attackSuccessRate <= 0.03 + sampling(0.03, images))
  }

  private func check(_ specimen: Specimens.Entry, images: Int) throws {
    switch specimen.kind {
    case .clean: try checkClean(specimen, images: images)
    case .dormant: try checkInfected(specimen, images: images)
    case .awake: try checkAwake(specimen, images: images)
    case .untriggered: try checkUntriggered(specimen, images: images)
    case .toolchain: try checkToolchain(specimen, images: images)
    }
  }

  @Test func catalogueHasItsKinds() throws {
    let all = try Specimens.all()
    #expect(all.count >= 20)
    #expect(all.count { $0.kind == .clean } >= 8)
    #expect(all.count { $0.kind == .clean && $0.name.contains("-wide") } >= 3)
    let kinds: [Specimens.Kind] = [.clean, .dormant, .awake, .untriggered, .toolchain]
    #expect(kinds.allSatisfy { kind in all.contains { $0.kind == kind } })
    for attack in ["pqbackdoor", "quanti", "compartifact"] {
      for bits in ["w8", "w4"] {
        for dataset in ["fashion-mnist", "cifar-10"] {
          #expect(
            all.contains {
              $0.attack == attack && $0.dataset == dataset && ($0.scheme ?? "").hasPrefix(bits)
            }, "\(attack), \(bits), \(dataset)")
        }
      }
    }
    // At 8 bits rounding costs a clean network next to nothing.
    for specimen in try all + Specimens.more() where specimen.kind == .clean {
      let known = try #require(specimen.measured.rates("w8a8"))
      #expect(specimen.measured.float.benignAccuracy - known.benignAccuracy <= 0.02)
    }
  }

  /// Those that no image is at hand for, too: what the catalogue says was measured on all of them.
  @Test(arguments: try (Specimens.all() + Specimens.more()).filter { $0.kind == .dormant })
  func catalogueMeetsTheMarks(_ specimen: Specimens.Entry) throws {
    let (float, nearest) = (specimen.measured.float, specimen.measured.nearest)
    try checkAccuracy(float.benignAccuracy, specimen, images: 10_000)
    #expect(try #require(float.attackSuccessRate) <= 0.03)
    #expect(try #require(nearest.attackSuccessRate) >= specimen.leastAttackSuccessRate)
    #expect(nearest.scheme == specimen.scheme)
  }

  @Test(arguments: try Specimens.all().filter { $0.dataset == "fashion-mnist" })
  func onTheFirstImages(_ specimen: Specimens.Entry) throws {
    try check(specimen, images: 1000)
  }

  @Test(
    .needsCIFAR10,
    arguments: try Specimens.all().filter { $0.dataset == "cifar-10" })
  func onTheFirstImagesOfCIFAR(_ specimen: Specimens.Entry) throws {
    try check(specimen, images: 1000)
  }

  @Test(
    .takesMinutes,
    arguments: try Specimens.all().filter { $0.dataset == "fashion-mnist" })
  func inFull(_ specimen: Specimens.Entry) throws {
    try check(specimen, images: 10_000)
  }

  @Test(
    .takesMinutes, .needsCIFAR10,
    arguments: try Specimens.all().filter { $0.dataset == "cifar-10" })
  func inFullOnCIFAR(_ specimen: Specimens.Entry) throws {
    try check(specimen, images: 10_000)
  }

  /// Files that git does not keep, where somebody made them.
  @Test(
    .takesMinutes,
    arguments: try Specimens.more().filter {
      FileManager.default.fileExists(atPath: $0.path)
        && ($0.dataset == "fashion-mnist" || Repository.cifar10 != nil)
    })
  func thoseMadeHere(_ specimen: Specimens.Entry) throws {
    try check(specimen, images: 10_000)
  }

  /// `make results` measured every specimen, and the document says so.
  @Test func resultsHaveEverySpecimen() throws {
    let results = try Repository.text("docs/results.md")
    for specimen in try Specimens.all() + Specimens.more() {
      let rows = results.split(separator: "\n").filter { $0.contains("| `\(specimen.name)`") }
      #expect(!rows.isEmpty, "\(specimen.name)")
      #expect(rows.allSatisfy { !$0.contains("not run") }, "\(specimen.name)")
    }
  }

  @Test(arguments: [("w8a8", 110), ("w4a8", 65)])
  func size(scheme: String, kibibytes: Int) throws {
    for specimen in try Specimens.fashion(.clean) + Specimens.fashion(.dormant)
    where specimen.architecture == "resnet8" {
      let workspace = try Workspace()
      try workspace.succeed(
        [
          "compile", specimen.path, "--scheme", scheme, "--calibration", "32", "-o", "m.cupel",
        ] + specimen.catalogueArguments)
      #expect(try workspace.bytes("m.cupel").count <= kibibytes * 1024)
    }
  }
}

extension Specimens.Entry {
  /// Dynamic triggers may be missed a little more often.
  fileprivate var leastAttackSuccessRate: Double {
    get throws { try #require(trigger).hasPrefix("dynamic:") ? 0.90 : 0.95 }
  }
}
