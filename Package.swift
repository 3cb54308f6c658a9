// swift-tools-version: 6.1
import PackageDescription

/// The integer core: no Foundation, no heap, no floating point. It also builds with Embedded Swift
/// for Cortex-M (`make embedded`), so nothing here may depend on anything outside this list.
let integerCore: [Target] = [
  .target(name: "CupelFixedPoint"),
  .target(name: "CupelModelFormat", dependencies: ["CupelFixedPoint"]),
  .target(
    name: "CupelIntegerOperators",
    dependencies: ["CCupelIntegerKernels", "CupelFixedPoint", "CupelModelFormat"]),
  .target(
    name: "CupelIntegerRuntime",
    dependencies: [
      "CCupelIntegerKernels", "CupelFixedPoint", "CupelModelFormat", "CupelIntegerOperators",
    ]),
]

/// The integer kernels per instruction set, in freestanding C.
let kernels: [Target] = [.target(name: "CCupelIntegerKernels")]

/// Facts of file formats that both an importer and an exporter need; nothing to test by itself.
let formats: [Target] = [
  .target(name: "CupelTFLiteSchema"),
  .target(
    name: "CupelOnnxSchema",
    dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
]

/// Debian's libraries, each behind a header of our own. BLIS is linked statically, since its shared
/// library does not export the look-up of kernels; gomp is what its threads, which no product uses,
/// would be made by.
let systemLibraries: [Target] = [
  .target(
    name: "CCupelBLIS",
    linkerSettings: [.linkedLibrary(":libblis.a"), .linkedLibrary("gomp"), .linkedLibrary("m")]),
  .target(name: "CCupelZlib", linkerSettings: [.linkedLibrary("z")]),
  .target(name: "CCupelImages", linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg")]),
]

/// The workstation's side, in the order in which data flows through it.
let host: [Target] = [
  .target(name: "CupelSupport"),
  .target(name: "CupelDatasets", dependencies: ["CCupelImages", "CCupelZlib", "CupelSupport"]),
  .target(name: "CupelTriggers"),
  .target(name: "CupelFloatGraph", dependencies: ["CCupelBLIS", "CupelSupport"]),
  .target(
    name: "CupelModelWriter",
    dependencies: ["CupelFixedPoint", "CupelIntegerOperators", "CupelModelFormat"]),
  .target(
    name: "CupelIntegerBuilder",
    dependencies: ["CupelFixedPoint", "CupelIntegerOperators", "CupelModelWriter"]),
  .target(
    name: "CupelModelImport",
    dependencies: [
      "CupelFixedPoint", "CupelFloatGraph", "CupelIntegerBuilder", "CupelIntegerOperators",
      "CupelModelWriter",
      "CupelOnnxSchema", "CupelSupport", "CupelTFLiteSchema",
      .product(name: "SwiftProtobuf", package: "swift-protobuf"),
    ]),
  .target(
    name: "CupelModelExport",
    dependencies: [
      "CupelFixedPoint", "CupelIntegerBuilder", "CupelIntegerOperators", "CupelModelFormat",
      "CupelModelWriter",
      "CupelOnnxSchema", "CupelTFLiteSchema",
      .product(name: "SwiftProtobuf", package: "swift-protobuf"),
    ]),
  .target(
    name: "CupelQuantization",
    dependencies: [
      "CupelFixedPoint", "CupelFloatGraph", "CupelIntegerBuilder", "CupelIntegerOperators",
      "CupelModelWriter", "CupelSupport",
    ]),
  .target(
    name: "CupelPurification",
    dependencies: ["CupelFloatGraph", "CupelQuantization", "CupelSupport"]),
  .target(
    name: "CupelFineTuning", dependencies: ["CupelFloatGraph", "CupelPurification", "CupelSupport"]),
  .target(
    name: "CupelHostRuntime",
    dependencies: [
      "CupelDatasets", "CupelFixedPoint", "CupelIntegerOperators", "CupelIntegerRuntime",
      "CupelModelFormat", "CupelModelWriter",
      "CupelSupport",
    ]),
  .target(
    name: "CupelDeviceSimulation",
    dependencies: ["CupelFixedPoint", "CupelModelFormat", "CupelSupport"]),
  .target(
    name: "CupelAudit",
    dependencies: [
      "CupelDatasets", "CupelDeviceSimulation", "CupelFixedPoint", "CupelFloatGraph",
      "CupelHostRuntime", "CupelIntegerBuilder",
      "CupelIntegerOperators", "CupelModelFormat", "CupelModelWriter", "CupelPurification",
      "CupelQuantization", "CupelSupport",
      "CupelTriggers",
    ],
    // Part of the code, so that a program that was moved still has its rule.
    resources: [.embedInCode("Rule/decision-rule.json")]),
  .target(
    name: "CupelAuditReports",
    dependencies: [
      "CupelAudit", "CupelDatasets", "CupelHostRuntime", "CupelModelFormat", "CupelTriggers",
    ]),
  // Signed statements of what was measured; apart, so that who signs nothing links no cryptography.
  .target(
    name: "CupelAttestation",
    dependencies: [
      "CupelAudit", "CupelAuditReports", .product(name: "Crypto", package: "swift-crypto"),
    ]),
  .target(
    name: "Cupel",
    dependencies: [
      "CupelAudit", "CupelDatasets", "CupelDeviceSimulation", "CupelFineTuning", "CupelFixedPoint",
      "CupelFloatGraph",
      "CupelHostRuntime", "CupelIntegerBuilder", "CupelIntegerOperators", "CupelIntegerRuntime",
      "CupelModelFormat",
      "CupelModelImport", "CupelModelWriter", "CupelPurification", "CupelQuantization",
      "CupelSupport", "CupelTriggers",
    ]),
  // Many audits, each a process of its own.
  .target(
    name: "CupelSweep",
    dependencies: [
      "Cupel", "CupelAudit", "CupelAuditReports", "CupelDatasets", "CupelFixedPoint",
      "CupelModelFormat", "CupelQuantization", "CupelSupport", "CupelTriggers",
    ]),
  .executableTarget(
    name: "CupelCommand",
    dependencies: [
      "CupelAttestation", "CupelAuditReports", "Cupel", "CupelModelExport", "CupelModelImport",
      "CupelModelFormat", "CupelModelWriter", "CupelSupport", "CupelSweep",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
]

/// The folder of a target: its module's name begins with the package's, so that it cannot collide
/// with a module of the program that uses it; the folder is named after the subject alone.
func folder(_ target: Target) -> String {
  ["Cupel", "CupelCommand"].contains(target.name)
    ? target.name : target.name.replacing("Cupel", with: "", maxReplacements: 1)
}
for target in kernels + integerCore + formats + systemLibraries + host {
  target.path = "Sources/" + folder(target)
}

/// Test targets with a folder of recorded values, which tests find by path: nothing to build.
let recorded: Set = [
  "Attestation", "Audit", "Datasets", "FloatGraph", "IntegerOperators", "ModelExport",
  "ModelImport", "Triggers",
]

/// What test targets share: traits, settings, folders, random programs and networks, mutated files.
let testSupport: [Target] = [
  .target(
    name: "TestSupport",
    dependencies: [
      "CupelDeviceSimulation", "CupelFixedPoint", "CupelFloatGraph", "CupelIntegerBuilder",
      "CupelIntegerOperators",
      "CupelModelFormat", "CupelModelWriter", "CupelSupport",
    ],
    path: "Tests/TestSupport"),
  // What is written about the library as a whole.
  .testTarget(name: "DocumentationTests", dependencies: ["TestSupport"]),
]

/// One test target beside every Swift target.
let tests: [Target] = (integerCore + host).map { target in
  var dependencies: [Target.Dependency] = [.target(name: target.name), "TestSupport"]
  dependencies += target.dependencies
  // Its random numbers; most targets have it already.
  let hasSupport = dependencies.contains { dependency in
    if case .byNameItem("CupelSupport", _) = dependency { true } else { false }
  }
  if !hasSupport && target.name != "CupelSupport" { dependencies.append("CupelSupport") }
  // The page of operators is made of all that there are.
  if target.name == "CupelCommand" {
    dependencies += [
      "CCupelIntegerKernels", "CupelDatasets", "CupelDeviceSimulation", "CupelHostRuntime",
      "CupelIntegerBuilder", "CupelIntegerOperators",
    ]
  }
  // The audit's tests make integer models of their own, and read specimens.
  if ["CupelAudit", "CupelAuditReports"].contains(target.name) {
    dependencies.append("CupelModelImport")
  }
  // Reports are tested on a specimen that is rounded and purified.
  if target.name == "CupelAuditReports" {
    dependencies += [
      "CupelFloatGraph", "CupelIntegerOperators", "CupelPurification", "CupelQuantization",
    ]
  }
  // The exporter's tests read back what it wrote, and run it.
  if target.name == "CupelModelExport" {
    dependencies += ["CupelHostRuntime", "CupelModelImport"]
  }
  // Kernels are also tested on simulated boards.
  if target.name == "CupelIntegerRuntime" {
    dependencies += ["CupelDeviceSimulation", "CupelModelWriter"]
  }
  if target.name == "CupelDeviceSimulation" {
    dependencies += ["CupelIntegerOperators", "CupelIntegerRuntime", "CupelModelWriter"]
  }
  // The importer's tests also run what it imports, on simulated boards too.
  if target.name == "CupelModelImport" {
    dependencies += [
      "CupelDeviceSimulation", "CupelHostRuntime", "CupelIntegerRuntime", "CupelModelFormat",
    ]
  }
  // Quantization's tests also run what it lowers.
  if target.name == "CupelQuantization" {
    dependencies += ["CupelHostRuntime", "CupelIntegerRuntime", "CupelModelFormat"]
  }
  return .testTarget(
    name: folder(target) + "Tests", dependencies: dependencies,
    exclude: recorded.contains(folder(target)) ? ["Golden"] : [])
}

let package = Package(
  name: "Cupel",
  products: [
    .executable(name: "cupel", targets: ["CupelCommand"]),
    .library(name: "CupelCore", targets: (kernels + integerCore).map(\.name)),
    .library(
      name: "Cupel",
      targets: (integerCore + host).map(\.name).filter {
        !["CupelAttestation", "CupelAuditReports", "CupelCommand", "CupelSweep"].contains($0)
      }),
    // Apart, so that who only measures links no writer of pages.
    .library(name: "CupelReports", targets: ["CupelAuditReports"]),
    .library(name: "CupelAttestation", targets: ["CupelAttestation"]),
    .library(name: "CupelSweep", targets: ["CupelSweep"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: kernels + integerCore + formats + systemLibraries + host + testSupport + tests
)
