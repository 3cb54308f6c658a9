import Cupel
import CupelSupport

/// Tells which files of a data set were left out or changed, a line each, once.
enum FileNoteOutput {
  private static let told = Guarded<Set<String>>([])

  static func tell(_ notes: [FileNote], of folder: String) {
    for note in notes {
      let line = "\(folder): \(note)"
      if told.withLock({ $0.insert(line).inserted }) { warn(line) }
    }
  }
}
