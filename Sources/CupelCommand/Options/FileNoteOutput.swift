import Cupel
import CupelSupport
import Foundation

/// Tells on standard error which files of a data set were left out or changed, a line each, once.
enum FileNoteOutput {
  private static let told = Guarded<Set<String>>([])

  static func tell(_ notes: [FileNote], of folder: String) {
    for note in notes {
      let line = "cupel: \(printable(folder, limit: 4096)): \(note)\n"
      if told.withLock({ $0.insert(line).inserted }) {
        FileHandle.standardError.write(Data(line.utf8))
      }
    }
  }
}
