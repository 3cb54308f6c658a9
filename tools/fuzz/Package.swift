// swift-tools-version: 6.1
import PackageDescription

// Targets for libFuzzer, one for each reader of files of which nothing is known. Build and run them
// with `tools/fuzz/run.sh`: they need its flags.
let package = Package(
  name: "CupelFuzz",
  dependencies: [.package(name: "Cupel", path: "../..")],
  targets: [
    .target(name: "CFuzzer"),
    .target(name: "Fuzzing", dependencies: ["CFuzzer"]),
  ]
    + ["FuzzCupel", "FuzzModel", "FuzzArrays"].map {
      .executableTarget(
        name: $0, dependencies: ["Fuzzing", .product(name: "Cupel", package: "Cupel")])
    }
)
