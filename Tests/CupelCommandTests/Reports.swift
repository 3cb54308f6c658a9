import Foundation

/// The JSON files as ARCHITECTURE.md describes them, read on their own and not with the code
/// that writes them.
struct AuditFile: Decodable {
  var schemaVersion: Int
  var verdict: String
  var probability: Double
  var targetClass: Int
  var trigger: String
  var images: Int
  var float: Rates?
  var deployments: [Deployment]
  var baselines: [Deployment]
  var differentialASR: Double?
  var seconds: Double

  struct Rates: Decodable {
    var benignAccuracy: Double
    var benignAccuracyInterval: [Double]
    var attackSuccessRate: Double
    var attackSuccessRateInterval: [Double]
  }

  struct Deployment: Decodable {
    var scheme: String
    var profile: String
    var rounding: String
    var file: String?
    var benignAccuracy: Double
    var benignAccuracyInterval: [Double]
    var attackSuccessRate: Double
    var attackSuccessRateInterval: [Double]
    var der: Double?
    var differentialASR: Double?
    var differentialASRInterval: [Double]?
  }

  /// The verdict that ARCHITECTURE.md's decision 9 gives these measurements, and its exit status.
  var expected: (verdict: String, status: Int32) {
    guard let float else {
      return deployments.contains { $0.attackSuccessRate >= 0.5 }
        ? ("active-backdoor", 1) : ("undetermined", 2)
    }
    if float.attackSuccessRate >= 0.5 { return ("active-backdoor", 1) }
    let intervals = deployments.compactMap(\.differentialASRInterval)
    if intervals.contains(where: { $0[0] >= 0.2 }) { return ("dormant-backdoor", 1) }
    if intervals.allSatisfy({ $0[1] <= 0.05 }) { return ("no-evidence", 0) }
    return ("undetermined", 2)
  }
}

struct RunFile: Decodable {
  var schemaVersion: Int
  var images: Int
  var correct: Int
  var accuracy: Double
  var accuracyInterval: [Double]
  var imagesPerSecond: Double
  var seconds: Double
  var threads: Int
  var predictions: [Int]
}

struct InspectFile: Decodable {
  var schemaVersion: Int
  var kind: String
  var sha256: String
  var bytes: Int
  var arenaBytes: Int?
  var macs: Int
  var parameters: Int
  var metadata: [String: String]
  var operators: [Operator]

  struct Operator: Decodable {
    var name: String
    var kind: String
    var output: [Int]
    var scale: Double?
    var zeroPoint: Int?
    var weightBits: Int?
    var activationBits: Int?
  }
}

struct DemoFile: Decodable {
  var images: Int
  var rows: [Row]

  struct Row: Decodable {
    var specimen: String
    var stage: String
    var scheme: String
    var benignAccuracy: Double
    var attackSuccessRate: Double
    var der: Double
    var bytes: Int
    var seconds: Double
  }
}
