import Foundation
import Support

/// A share as a percentage with two decimals.
func percent(_ share: Double) -> String { String(format: "%.2f", share * 100) }

/// A percentage with its 95 % interval, where that is one.
func percent(_ share: Double, _ interval: ClosedRange<Double>?) -> String {
  guard let interval else { return percent(share) }
  return "\(percent(share)) [\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
}

/// A count with thousands separated by thin gaps: 1 234 567.
func grouped(_ number: Int) -> String {
  var digits = Array(String(number))
  var position = digits.count - 3
  while position > 0 {
    digits.insert(" ", at: position)
    position -= 3
  }
  return String(digits)
}

func kibibytes(_ bytes: Int) -> String { String(format: "%.1f KiB", Double(bytes) / 1024) }

func writeJSON(_ value: some Encodable, to path: String) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  try AtomicFile.write(Array(encoder.encode(value)) + [10], to: path)
}

/// Finds out before long work whether its result could be written, so that it is not done in
/// vain, and that nothing is written over what the command reads. Writing itself still decides.
///
/// - Throws: `Failure` with the status for outputs that cannot be written.
func checkWritable(_ paths: String?..., inputs: [String]) throws {
  var taken = inputs.map(canonical)
  for path in paths.compactMap(\.self) {
    // Special files such as /dev/null may be named twice; they are not replaced.
    guard !taken.contains(canonical(path)) || path.hasPrefix("/dev/") else {
      throw Failure(
        "\(path): it is read, or written, by this very command already", exitCode: Failure.usage)
    }
    taken.append(canonical(path))
    var information = stat()
    var asked = path
    if stat(path, &information) != 0 || information.st_mode & S_IFMT == S_IFREG {
      // A file is replaced, which its folder must allow.
      let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
      asked = path.isEmpty ? path : url.deletingLastPathComponent().path
    }
    let isFolder = asked == path && information.st_mode & S_IFMT == S_IFDIR
    guard !isFolder, access(asked, W_OK) == 0 else {
      let reason = String(cString: strerror(isFolder ? EISDIR : errno))
      throw Failure("\(path): cannot write: \(reason)", exitCode: Failure.cannotWrite)
    }
  }
}

/// The same text for the same file, whatever links lead there.
private func canonical(_ path: String) -> String {
  URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
}
