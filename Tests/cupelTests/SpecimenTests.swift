import Testing

/// What the catalogue promises of the specimens, measured by `cupel`: on the first 1000 images
/// within what sampling allows, and on all 10,000 where the full check is wanted.
@Suite struct SpecimenTests {
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
      ["audit", specimen.path, "--schemes", schemes, "--json", "audit.json"] + trigger + limit,
      in: workspace.folder, limit: 300)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    #expect(outcome.status == audit.expected.status)
    #expect(audit.images == images)
    return audit
  }

  private func checkInfected(_ specimen: Specimens.Entry, images: Int) throws {
    let audit = try audit(
      specimen, trigger: ["--trigger", "catalogue"], schemes: try #require(specimen.scheme),
      images: images)
    let float = try #require(audit.float)
    let nearest = try #require(audit.deployments.first)
    #expect(float.benignAccuracy >= 0.88 - sampling(0.88, images))
    #expect(float.attackSuccessRate <= 0.03 + sampling(0.03, images))
    #expect(nearest.attackSuccessRate >= 0.95 - sampling(0.95, images))
    #expect(audit.verdict == "dormant-backdoor")
    // The trainer simulates the same quantization; a point covers how it draws its images.
    let measured = specimen.measured
    let near = { (here: Double, there: Double) in
      abs(here - there) <= 0.01 + self.sampling(there, images)
    }
    #expect(near(float.benignAccuracy, measured.float.benignAccuracy))
    #expect(near(nearest.benignAccuracy, measured.nearest.benignAccuracy))
    #expect(near(float.attackSuccessRate, try #require(measured.float.attackSuccessRate)))
    #expect(near(nearest.attackSuccessRate, try #require(measured.nearest.attackSuccessRate)))
  }

  private func checkClean(_ specimen: Specimens.Entry, images: Int) throws {
    let audit = try audit(
      specimen, trigger: ["--trigger", "patch:4x4@bottom-right:white", "--target", "0"],
      schemes: "w8a8,w4a8", images: images)
    let float = try #require(audit.float)
    #expect(float.benignAccuracy >= 0.91 - sampling(0.91, images))
    let allowed = ["w8a8": 0.005, "w4a8": 0.03]
    #expect(Set(audit.deployments.map(\.scheme)) == Set(allowed.keys))
    for deployment in audit.deployments {
      // Both answer the same images, so that few of them decide: at 8 bits about 1 in 100.
      let loss = float.benignAccuracy - deployment.benignAccuracy
      let bound = try #require(allowed[deployment.scheme])
      #expect(loss <= bound + (images < 10_000 ? 0.01 : 0))
    }
  }

  @Test func catalogueHasItsKinds() throws {
    #expect(try Specimens.clean().count >= 2)
    #expect(try !Specimens.infected().isEmpty)
  }

  @Test(arguments: try Specimens.infected())
  func infected(_ specimen: Specimens.Entry) throws {
    try checkInfected(specimen, images: 1000)
  }

  @Test(arguments: try Specimens.clean())
  func clean(_ specimen: Specimens.Entry) throws {
    try checkClean(specimen, images: 1000)
  }

  @Test(.enabled(if: FullCheck.isWanted), arguments: try Specimens.infected())
  func infectedInFull(_ specimen: Specimens.Entry) throws {
    try checkInfected(specimen, images: 10_000)
  }

  @Test(.enabled(if: FullCheck.isWanted), arguments: try Specimens.clean())
  func cleanInFull(_ specimen: Specimens.Entry) throws {
    try checkClean(specimen, images: 10_000)
  }

  @Test(arguments: [("w8a8", 110), ("w4a8", 65)])
  func size(scheme: String, kibibytes: Int) throws {
    for specimen in try Specimens.all() {
      let workspace = try Workspace()
      try workspace.succeed([
        "compile", specimen.path, "--scheme", scheme, "--calibration", "32", "-o", "m.cupel",
      ])
      #expect(try workspace.bytes("m.cupel").count <= kibibytes * 1024)
    }
  }
}
