// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CupelBenchmarks",
  dependencies: [.package(name: "Cupel", path: "..")],
  targets: [
    .executableTarget(
      name: "cupel-bench", dependencies: [.product(name: "Cupel", package: "Cupel")]),
    .executableTarget(
      name: "float-peer", dependencies: [.product(name: "Cupel", package: "Cupel")]),
    .executableTarget(
      name: "image-pixels", dependencies: [.product(name: "Cupel", package: "Cupel")]),
    .executableTarget(
      name: "purify-bench", dependencies: [.product(name: "Cupel", package: "Cupel")]),
  ]
)
