import CupelAudit
import CupelDatasets
import CupelFixedPoint

// What a caller gives wins over what a file states. Where both say something and not the same, that is
// told: here is found out where.

extension FloatModel {
  /// What the catalogue says of this model and the caller says otherwise.
  ///
  /// - Parameter told: the caller's; nil where the catalogue's is taken.
  public func overridden(by told: Preprocessing?) -> [AuditInputs.Overridden] {
    guard let stated = specimen?.preprocessing, let told else { return [] }
    return .init(stated, told, channels: imageShape?.channels ?? 1, by: .catalogue)
  }
}

extension IntegerModel {
  /// What the file says of itself and the caller says otherwise. What the file says but nobody
  /// understands is no setting.
  ///
  /// - Parameters:
  ///   - told: the caller's preprocessing; nil where the file's is taken.
  ///   - chosen: the caller's profile; nil where the file's is taken. A vendor's file carries none.
  public func overridden(
    by told: Preprocessing?, profile chosen: DeploymentProfile? = nil
  ) -> [AuditInputs.Overridden] {
    var found: [AuditInputs.Overridden] = []
    let text = engine.metadata(ModelMetadata.preprocessingKey)
    if let told, let stated = try? ModelMetadata.preprocessing(text, of: path) {
      found += .init(stated, told, channels: engine.inputShape.channels, by: .metadata)
    }
    if vendor == nil, let chosen, profile != .runtime(chosen) {
      found.append(
        AuditInputs.Overridden(
          setting: "profile", stated: profile.rawValue, by: .operators, given: chosen.name))
    }
    return found
  }
}

extension AuditSubject {
  /// What files state and the caller gives otherwise, with the file's name.
  public var overridden: [(file: String, settings: [AuditInputs.Overridden])] {
    let floats = float.map { [($0.path, $0.overridden(by: preprocessing))] } ?? []
    return floats
      + integers.map { ($0.path, $0.overridden(by: preprocessing, profile: profile)) }
  }
}

extension [AuditInputs.Overridden] {
  /// One a value that differs.
  fileprivate init(
    _ stated: Preprocessing, _ given: Preprocessing, channels: Int,
    by source: AuditInputs.Overridden.Source
  ) {
    func list(_ numbers: [Double]) -> String {
      // One value stands for all channels.
      let all = numbers.count == 1 ? .init(repeating: numbers[0], count: channels) : numbers
      let isUniform = Set(all).count == 1
      return (isUniform ? [Double](all.prefix(1)) : all).map { "\($0)" }
        .joined(separator: ",")
    }
    func size(_ size: ImageSize?) -> String { size.map { "\($0.height)x\($0.width)" } ?? "none" }
    let pairs = [
      ("scale", "\(stated.scale)", "\(given.scale)"),
      ("mean", list(stated.mean), list(given.mean)), ("std", list(stated.std), list(given.std)),
      ("resize", size(stated.resize), size(given.resize)),
    ]
    self = pairs.filter { $0.1 != $0.2 }.map {
      AuditInputs.Overridden(setting: $0.0, stated: $0.1, by: source, given: $0.2)
    }
  }
}
