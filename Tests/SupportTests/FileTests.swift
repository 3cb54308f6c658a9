import CupelSupport
import Foundation
import TestSupport
import Testing

@Suite struct FileTests {
  /// A folder of its own, gone afterwards.
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = try TemporaryFolder()
    try withExtendedLifetime(folder) { try body(folder.path) }
  }

  private func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private func mode(_ path: String) -> mode_t {
    var information = stat()
    return stat(path, &information) == 0 ? information.st_mode & 0o7777 : 0
  }

  @Test func writesAndReplaces() throws {
    try inFolder { folder in
      let path = folder + "/model.cupel"
      for content in [[UInt8](0..<200), [], [UInt8](repeating: 7, count: 3_000_000)] {
        try AtomicFile.write(content, to: path)
        #expect(try InputFile.read(path, limit: 3_000_000) == content)
        #expect(try names(folder) == ["model.cupel"])
      }
      try AtomicFile.write("größer", to: path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "größer")
    }
  }

  @Test func modeFollowsTheMask() throws {
    try inFolder { folder in
      // The mask belongs to the whole process, so it is read, not changed: a file made by open
      // itself tells what it leaves of 0666.
      let witness = open(folder + "/witness", O_CREAT | O_WRONLY, 0o666)
      close(witness)
      try AtomicFile.write([1], to: folder + "/file")
      #expect(mode(folder + "/file") == mode(folder + "/witness"))
    }
  }

  @Test func keepsSymbolicLinks() throws {
    try inFolder { folder in
      try AtomicFile.write([1], to: folder + "/real")
      #expect(symlink("real", folder + "/link") == 0)
      try AtomicFile.write([2, 3], to: folder + "/link")
      #expect(try InputFile.read(folder + "/real", limit: 10) == [2, 3])
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "real")
      #expect(try names(folder) == ["link", "real"])
    }
  }

  @Test func writesToDevicesAsTheyAre() throws {
    try AtomicFile.write([1, 2, 3], to: "/dev/null")
    var information = stat()
    #expect(stat("/dev/null", &information) == 0)
    #expect(information.st_mode & S_IFMT == S_IFCHR)
  }

  @Test func failuresNameThePathAndLeaveNothing() throws {
    try inFolder { folder in
      let missing = folder + "/no/such/folder/file"
      let error = #expect(throws: FileError.self) { try AtomicFile.write([1], to: missing) }
      #expect(error?.description == "\(missing): cannot write: No such file or directory")
      #expect(error?.isMissing == true)
      try FileManager.default.createDirectory(
        atPath: folder + "/taken", withIntermediateDirectories: true)
      let taken = #expect(throws: FileError.self) {
        try AtomicFile.write([1], to: folder + "/taken")
      }
      #expect(taken?.description == "\(folder)/taken: cannot write: Is a directory")
      #expect(throws: FileError.self) { try AtomicFile.write([1], to: "") }
      // /dev/full takes no byte.
      let full = #expect(throws: FileError.self) { try AtomicFile.write([1], to: "/dev/full") }
      #expect(full?.description == "/dev/full: cannot write: No space left on device")
      #expect(try names(folder) == ["taken"])
    }
  }

  /// The write itself fails half-way: the file size limit of a process of its own.
  @Test(.startsProcesses) func aFullDiskLeavesTheOldFile() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      try AtomicFile.write([1, 2, 3], to: folder.path("file"))
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 1000, rlim_max: 1000)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      let error = #expect(throws: FileError.self) {
        try AtomicFile.write([UInt8](repeating: 0, count: 5000), to: folder.path("file"))
      }
      #expect(error?.code == EFBIG)
      #expect(try InputFile.read(folder.path("file"), limit: 10) == [1, 2, 3])
      #expect(try folder.contents().keys.sorted() == ["file"])
    }
  }

  @Test func readingIsBounded() throws {
    try inFolder { folder in
      let path = folder + "/file"
      for size in [0, 1, 4095, 4096, 4097, 100_000] {
        let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try AtomicFile.write(content, to: path)
        #expect(try InputFile.read(path, limit: size) == content)
        guard size > 0 else { continue }
        let error = #expect(throws: FileError.self) { try InputFile.read(path, limit: size - 1) }
        #expect(error?.description == "\(path): cannot read: it is longer than \(size - 1) bytes")
      }
      #expect(throws: FileError.self) { try InputFile.read("/dev/zero", limit: 100_000) }
      let folderError = #expect(throws: FileError.self) { try InputFile.read(folder, limit: 10) }
      #expect(folderError?.description == "\(folder): cannot read: Is a directory")
      let missing = #expect(throws: FileError.self) {
        try InputFile.read(folder + "/none", limit: 10)
      }
      #expect(missing?.isMissing == true)
    }
  }
}
