import CupelFixedPoint

/// The runtime whose arithmetic a deployment was measured with.
public enum StatedProfile: Sendable, Hashable {
  /// A runtime that has a profile here.
  case runtime(DeploymentProfile)
  /// Rounding modes of a file's own, which no profile has.
  case custom
}

extension StatedProfile: RawRepresentable, Codable, CustomStringConvertible {
  /// nil for a text that names no profile.
  public init?(rawValue text: String) {
    if text == "custom" {
      self = .custom
    } else if let profile = DeploymentProfile(named: text) {
      self = .runtime(profile)
    } else {
      return nil
    }
  }

  /// As reports write it.
  public var rawValue: String {
    switch self {
    case .runtime(let profile): profile.name
    case .custom: "custom"
    }
  }

  /// As reports write it.
  public var description: String { rawValue }
}

extension DeploymentProfile {
  /// The name used on the command line, in metadata and in JSON.
  package var name: String {
    switch self {
    case .tflm: "tflm"
    case .litertReference: "litert-reference"
    case .xnnpack: "xnnpack"
    case .onnxruntime: "onnxruntime"
    }
  }

  /// nil for a name that no profile has.
  package init?(named name: String) {
    guard let profile = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = profile
  }
}
