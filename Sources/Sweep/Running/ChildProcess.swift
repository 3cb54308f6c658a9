import CupelSupport
import Foundation

/// A process that was started, which tells its last words when it ends.
struct ChildProcess {
  /// How a process ended.
  struct Ending: Equatable {
    /// nil where a signal ended it.
    var status: Int32?
    /// nil where it ended by itself.
    var signal: Int32?
    /// The end of what it wrote on standard error.
    var words: String
  }

  let identifier: pid_t
  /// A file without a name that standard error goes to: it never fills up as a pipe does.
  private let errors: Int32

  /// Starts a program with nothing on standard input; what it writes on standard output is dropped.
  /// No other descriptor of this process reaches it.
  ///
  /// - Throws: `FileError` where it cannot be started.
  init(_ path: String, _ arguments: [String]) throws {
    var name = Array((NSTemporaryDirectory() + "/cupel-XXXXXX").utf8CString)
    errors = mkstemp(&name)
    guard errors >= 0 else { throw FileError(failedTo: "write", NSTemporaryDirectory()) }
    _ = unlink(name)
    _ = fcntl(errors, F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    // What this process ignores for a time the program is not to ignore.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
    var identifier = pid_t()
    let failure = Self.withPointers([path] + arguments) { words in
      Self.withPointers(environment) {
        posix_spawn(&identifier, path, &actions, &attributes, words, $0)
      }
    }
    guard failure == 0 else {
      close(errors)
      throw FileError(
        path: path, action: "start", reason: String(cString: strerror(failure)))
    }
    self.identifier = identifier
  }

  /// Texts as C has them, with a null pointer at the end.
  private static func withPointers<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
  }

  /// Waits for the end. To be called once.
  func wait() -> Ending {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    defer { close(errors) }
    let signal = status & 0x7f
    return Ending(
      status: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
      words: lastWords())
  }

  /// Bytes of the end of standard error that are kept.
  private static let longest = 4096

  private func lastWords() -> String {
    let size = lseek(errors, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: Self.longest)
    let count = pread(errors, &bytes, bytes.count, max(size - off_t(bytes.count), 0))
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}
