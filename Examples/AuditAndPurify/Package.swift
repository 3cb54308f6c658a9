// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "AuditAndPurify",
  dependencies: [.package(name: "Cupel", path: "../..")],
  targets: [
    .executableTarget(
      name: "AuditAndPurify", dependencies: [.product(name: "Cupel", package: "Cupel")])
  ])
