// swift-tools-version: 6.1
import PackageDescription

/// The integer core: no Foundation, no heap, no floating point. It also builds with Embedded Swift
/// for Cortex-M (`make embedded`), so nothing here may depend on anything outside this list.
let integerCore: [Target] = [
  .target(name: "FixedPoint"),
  .target(name: "ModelFormat", dependencies: ["FixedPoint"]),
  .target(
    name: "IntegerOperators", dependencies: ["CIntegerKernels", "FixedPoint", "ModelFormat"]),
  .target(
    name: "IntegerRuntime",
    dependencies: ["CIntegerKernels", "FixedPoint", "ModelFormat", "IntegerOperators"]),
]

/// The integer kernels per instruction set, in freestanding C.
let kernels: [Target] = [.target(name: "CIntegerKernels")]

/// Facts of file formats that both an importer and an exporter need; nothing to test by itself.
let formats: [Target] = [
  .target(name: "TFLiteSchema"),
  .target(
    name: "OnnxSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
]

/// Debian's libraries, each behind a header of our own. BLIS is linked statically, since its shared
/// library does not export the look-up of kernels; gomp is what its threads, which no product uses,
/// would be made by.
let systemLibraries: [Target] = [
  .target(
    name: "CBLIS",
    linkerSettings: [.linkedLibrary(":libblis.a"), .linkedLibrary("gomp"), .linkedLibrary("m")]),
  .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
  .target(name: "CImages", linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg")]),
]

/// The workstation's side, in the order in which data flows through it.
let host: [Target] = [
  .target(name: "Support"),
  .target(name: "Datasets", dependencies: ["CImages", "CZlib", "Support"]),
  .target(name: "Triggers"),
  .target(name: "FloatGraph", dependencies: ["CBLIS", "Support"]),
  .target(
    name: "ModelWriter", dependencies: ["FixedPoint", "IntegerOperators", "ModelFormat"]),
  .target(
    name: "IntegerBuilder", dependencies: ["FixedPoint", "IntegerOperators", "ModelWriter"]),
  .target(
    name: "ModelImport",
    dependencies: [
      "FixedPoint", "FloatGraph", "IntegerBuilder", "IntegerOperators", "ModelWriter",
      "OnnxSchema", "Support", "TFLiteSchema",
      .product(name: "SwiftProtobuf", package: "swift-protobuf"),
    ]),
  .target(
    name: "ModelExport",
    dependencies: [
      "FixedPoint", "IntegerBuilder", "IntegerOperators", "ModelFormat", "ModelWriter",
      "OnnxSchema", "TFLiteSchema",
      .product(name: "SwiftProtobuf", package: "swift-protobuf"),
    ]),
  .target(
    name: "Quantization",
    dependencies: [
      "FixedPoint", "FloatGraph", "IntegerBuilder", "IntegerOperators", "ModelWriter",
    ]),
  .target(name: "Purification", dependencies: ["FloatGraph", "Quantization", "Support"]),
  .target(name: "FineTuning", dependencies: ["FloatGraph", "Purification", "Support"]),
  .target(
    name: "HostRuntime",
    dependencies: [
      "Datasets", "FixedPoint", "IntegerOperators", "IntegerRuntime", "ModelFormat", "ModelWriter",
      "Support",
    ]),
  .target(name: "DeviceSimulation", dependencies: ["FixedPoint", "ModelFormat", "Support"]),
  .target(
    name: "Audit",
    dependencies: [
      "Datasets", "DeviceSimulation", "FixedPoint", "FloatGraph", "HostRuntime", "IntegerBuilder",
      "IntegerOperators", "ModelFormat", "ModelWriter", "Purification", "Quantization", "Support",
      "Triggers",
    ],
    // Part of the code, so that a program that was moved still has its rule.
    resources: [.embedInCode("Rule/decision-rule.json")]),
  .target(
    name: "AuditReports",
    dependencies: ["Audit", "Datasets", "HostRuntime", "ModelFormat", "Triggers"]),
  .target(
    name: "Cupel",
    dependencies: [
      "Audit", "Datasets", "DeviceSimulation", "FineTuning", "FixedPoint", "FloatGraph",
      "HostRuntime", "IntegerBuilder", "IntegerOperators", "IntegerRuntime", "ModelFormat",
      "ModelImport", "ModelWriter", "Purification", "Quantization", "Support", "Triggers",
    ]),
  .executableTarget(
    name: "CupelCommand",
    dependencies: [
      "AuditReports", "Cupel", "ModelExport", "ModelImport", "ModelWriter", "Support",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
]

/// Folders in which tests find recorded values by path: nothing to build.
let recorded: Set = [
  "Audit", "Datasets", "FloatGraph", "IntegerOperators", "ModelExport", "ModelImport", "Triggers",
]

/// What test targets share: traits, settings, folders, random programs and networks, mutated files.
let testSupport: [Target] = [
  .target(
    name: "TestSupport",
    dependencies: [
      "DeviceSimulation", "FixedPoint", "FloatGraph", "IntegerBuilder", "IntegerOperators",
      "ModelFormat", "ModelWriter", "Support",
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
    if case .byNameItem("Support", _) = dependency { true } else { false }
  }
  if !hasSupport && target.name != "Support" { dependencies.append("Support") }
  // The page of operators is made of all that there are.
  if target.name == "CupelCommand" {
    dependencies += [
      "CIntegerKernels", "Datasets", "DeviceSimulation", "HostRuntime", "IntegerBuilder",
      "IntegerOperators", "ModelFormat",
    ]
  }
  // The audit's tests make integer models of their own, and read specimens.
  if ["Audit", "AuditReports"].contains(target.name) { dependencies.append("ModelImport") }
  // Reports are tested on a specimen that is rounded and purified.
  if target.name == "AuditReports" {
    dependencies += ["FloatGraph", "IntegerOperators", "Purification", "Quantization"]
  }
  // The exporter's tests read back what it wrote, and run it.
  if target.name == "ModelExport" {
    dependencies += ["HostRuntime", "ModelImport"]
  }
  // Kernels are also tested on simulated boards.
  if target.name == "IntegerRuntime" { dependencies += ["DeviceSimulation", "ModelWriter"] }
  if target.name == "DeviceSimulation" {
    dependencies += ["IntegerOperators", "IntegerRuntime", "ModelWriter"]
  }
  // The importer's tests also run what it imports.
  if target.name == "ModelImport" {
    dependencies += ["HostRuntime", "IntegerRuntime", "ModelFormat"]
  }
  // Quantization's tests also run what it lowers.
  if target.name == "Quantization" { dependencies += ["IntegerRuntime", "ModelFormat"] }
  return .testTarget(
    name: target.name + "Tests", dependencies: dependencies,
    exclude: recorded.contains(target.name) ? ["Golden"] : [])
}

let package = Package(
  name: "Cupel",
  products: [
    .executable(name: "cupel", targets: ["CupelCommand"]),
    .library(name: "CupelCore", targets: (kernels + integerCore).map(\.name)),
    .library(
      name: "Cupel",
      targets: (integerCore + host).map(\.name).filter {
        !["AuditReports", "CupelCommand"].contains($0)
      }),
    // Apart, so that who only measures links no writer of pages.
    .library(name: "CupelReports", targets: ["AuditReports"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: kernels + integerCore + formats + systemLibraries + host + testSupport + tests
)
