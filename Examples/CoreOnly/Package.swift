// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CoreOnly",
  dependencies: [.package(name: "Cupel", path: "../..")],
  targets: [
    .executableTarget(
      name: "CoreOnly", dependencies: [.product(name: "CupelCore", package: "Cupel")])
  ])
