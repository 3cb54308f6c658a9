import Cupel
import CupelSupport
import Foundation

/// Files that one audit is about, and what a plan has to know of them.
struct SweepSubject {
  var models: [SweepTask.Input]
  /// Whether there is nothing but a float model, which the audit is to round.
  var isFloatAlone: Bool
  /// The folder with the images.
  var data: String
  /// What the catalogue says of the float model.
  var specimen: Catalogue.Specimen?
  /// The catalogue, with the digest of what it says of the float model.
  var entry: SweepTask.Input?

  /// Reads the files and keeps none of them.
  ///
  /// - Throws: what reading a model and `data` throw; `CupelError` for two float models.
  init(
    _ files: [String], catalogue: Catalogue?, data: (_ dataset: String?) throws -> String
  ) throws {
    let loaded = try files.map { try LoadedModel(path: $0, catalogue: catalogue) }
    let subject = try AuditSubject(loaded)
    models = try zip(files, loaded).map {
      SweepTask.Input(path: try absolute($0), sha256: $1.sha256)
    }
    isFloatAlone = subject.float != nil && subject.integers.isEmpty
    self.data = try absolute(data(subject.dataset))
    specimen = subject.float?.specimen
    if let specimen, let catalogue {
      entry = .init(path: try absolute(catalogue.path), sha256: specimen.digest)
    }
  }

  /// What the catalogue says that was done to the model; nil where it says nothing.
  var attack: SweepTask.Attack? {
    get throws {
      guard let trigger = try specimen?.knownTrigger(), let target = specimen?.targetClass else {
        return nil
      }
      return .init(trigger: trigger.description, target: target)
    }
  }

  var attackedScheme: Scheme? { get throws { try specimen?.attackedScheme() } }

  /// Files that are audited together. A folder gives its model files, which their names tell.
  ///
  /// - Throws: `FileError`, `CupelError`.
  static func groups(_ paths: [String], isTogether: Bool) throws -> [[String]] {
    var groups: [[String]] = []
    for path in paths {
      let files = try FolderList.files(in: path)
      if files.count == 1, files[0].path == path {
        groups.append([path])
        continue
      }
      let models = files.map(\.path).filter { file in
        [".cupel", ".onnx", ".tflite"].contains { file.lowercased().hasSuffix($0) }
      }
      if isTogether {
        let folders = Dictionary(grouping: models) { path in
          path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
        }
        groups += folders.sorted { $0.key < $1.key }.map(\.value)
      } else {
        groups += models.map { [$0] }
      }
    }
    return groups
  }
}

/// The path from the root, so that a task can be done from anywhere.
///
/// - Throws: `FileError` where nothing is there.
func absolute(_ path: String) throws -> String {
  guard let real = realpath(path, nil) else { throw FileError(failedTo: "read", path) }
  defer { free(real) }
  return String(cString: real)
}
