import Foundation

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

/// - Throws: `Failure` with the status for outputs that cannot be written.
func createFolder(_ path: String, message: (any Error) -> String) throws {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw Failure(message(error), exitCode: Failure.cannotWrite)
  }
}
