import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// What importing one file costs, measured in a process in which nothing else runs.
package enum MemoryGrowth {
  /// Growth of resident memory at its highest, in bytes.
  package static func measure(_ body: () -> Void) -> Int {
    releaseFreeMemory()
    resetPeak()
    let before = memory("VmRSS:")
    body()
    return memory("VmHWM:") - before
  }

  /// `malloc_trim(0)`, so that freed memory is not used again unseen. Swift's Glibc module leaves out
  /// <malloc.h>, hence the look-up by name.
  private static func releaseFreeMemory() {
    typealias Trim = @convention(c) (Int) -> CInt
    guard let symbol = dlsym(nil, "malloc_trim") else { return }
    _ = unsafeBitCast(symbol, to: Trim.self)(0)
  }

  /// Linux: writing 5 to clear_refs makes the peak the present value.
  private static func resetPeak() {
    guard let file = fopen("/proc/self/clear_refs", "w") else { return }
    fputs("5", file)
    fclose(file)
  }

  /// A line of /proc/self/status, in bytes.
  static func memory(_ key: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else {
      preconditionFailure("memory is measured by Linux's /proc/self/status")
    }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      if strncmp(line, key, key.utf8.count) == 0 {
        let digits = line.dropFirst(key.utf8.count).filter { (48...57).contains($0) }
        return 1024 * digits.reduce(0) { 10 * $0 + Int($1) - 48 }
      }
    }
    return 0
  }
}
