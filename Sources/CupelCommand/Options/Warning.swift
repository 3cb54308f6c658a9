import Cupel
import CupelSupport
import Foundation

/// Tells on standard error what a person should know before believing the result. `--quiet` leaves
/// out progress and not this.
func warn(_ message: String) {
  FileHandle.standardError.write(
    Data("cupel: warning: \(printable(message, limit: 1024))\n".utf8))
}

/// Tells what options say otherwise than files. Options win.
func warn(of overridden: [AuditInputs.Overridden], in file: String) {
  for setting in overridden { warn("\(file): \(setting)") }
}
