import ArgumentParser
import Cupel

/// What `--trigger` asks an audit for.
enum TriggerChoice {
  /// What the catalogue's entry for the model says.
  case catalogue
  case given(Trigger)

  init(_ text: String) throws {
    self = text == "catalogue" ? .catalogue : .given(try Trigger(text))
  }

  /// The trigger and the attacker's class that an audit is asked for.
  ///
  /// - Parameter target: what the command line says; it goes with a trigger that is given.
  func attack(of specimen: Catalogue.Specimen?, target: Int?) throws -> (Trigger, Int) {
    if case .given(let trigger) = self, let target { return (trigger, target) }
    guard let trigger = try specimen?.knownTrigger(), let known = target ?? specimen?.targetClass
    else {
      throw ValidationError(
        "--trigger catalogue: the catalogue lists no trigger for this model")
    }
    warn(of: target, over: specimen?.targetClass)
    return (trigger, known)
  }

  /// What a comparison is asked for; nil for a model that the catalogue lists without a trigger.
  func attack(on model: FloatModel, target: Int?) throws -> (Trigger, Int)? {
    if case .given(let trigger) = self { return (trigger, target!) }
    guard let specimen = model.specimen else {
      throw Failure(
        "\(model.path): no catalogue tells of its trigger; give --trigger and --target, or a "
          + "--catalogue that lists it")
    }
    guard let known = try specimen.knownTrigger() else { return nil }
    warn(of: target, over: specimen.targetClass)
    guard let target = target ?? specimen.targetClass else {
      throw Failure("\(model.path): the catalogue tells of no target class; give --target")
    }
    return (known, target)
  }
}

/// Tells where the class given is not that of the catalogue's trigger.
private func warn(of given: Int?, over stated: Int?) {
  guard let given, let stated, given != stated else { return }
  warn("the catalogue states the target class \(stated); --target \(given) is used instead")
}

/// What `--schemes` asks an audit for.
enum SchemeChoice {
  /// The standard matrix, and the scheme that the catalogue says was attacked.
  case matrix
  case all
  /// In the order given, each once.
  case list([Scheme])

  init(_ text: String) throws {
    switch text {
    case "matrix": self = .matrix
    case "all": self = .all
    default: self = .list(try elements(text) { try Scheme($0) })
    }
  }

  /// - Parameter attacked: what the catalogue says, asked for only where it matters.
  func schemes(attacked: @autoclosure () throws -> Scheme?) rethrows -> [Scheme] {
    let standard = Scheme.standardMatrix
    return switch self {
    case .matrix: standard + [try attacked()].compactMap(\.self).filter { !standard.contains($0) }
    case .all: Scheme.all
    case .list(let list): list
    }
  }
}

/// What `--schemes` asks a comparison for.
enum ComparedSchemes {
  /// The scheme that the catalogue says was attacked.
  case attacked
  case chosen(SchemeChoice)

  init(_ text: String) throws {
    self = text == "attacked" ? .attacked : .chosen(try SchemeChoice(text))
  }

  func schemes(of specimen: Catalogue.Specimen?) throws -> [Scheme] {
    let attacked = try specimen?.attackedScheme()
    if case .chosen(let choice) = self { return choice.schemes(attacked: attacked) }
    guard let attacked else {
      throw Failure("--schemes attacked: the catalogue tells of no scheme that this model attacks")
    }
    return [attacked]
  }
}
