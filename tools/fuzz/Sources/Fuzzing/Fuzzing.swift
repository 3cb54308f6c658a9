import CFuzzer

/// Runs libFuzzer over `body` with the command line's arguments; returns its exit status.
public func fuzz(_ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) -> CInt {
  var count = CommandLine.argc
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
  return LLVMFuzzerRunDriver(&count, &arguments, body)
}

/// What libFuzzer hands over, copied.
public func bytes(_ start: UnsafePointer<UInt8>?, _ size: Int) -> [UInt8] {
  [UInt8](UnsafeBufferPointer(start: start, count: size))
}
