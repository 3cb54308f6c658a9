import Glibc

// A stand-in for flash: the file is mapped and never copied. An image comes in raw bytes.
guard CommandLine.arguments.count == 2 else { fatal("usage: CoreOnly MODEL.cupel <IMAGE") }
guard let file = map(CommandLine.arguments[1]) else { fatal("cannot map the model") }
do {
  let classifier = try StaticClassifier(file: file)
  guard let pixels = readImage(classifier.inputCount) else { fatal("the image is too short") }
  let input = quantize(pixels, for: classifier)
  let answer = try input.withUnsafeBufferPointer { image in try classifier.classify(image) }
  print("class \(answer), \(classifier.arenaBytes) bytes of arena, \(file.count) of flash")
} catch {
  fatal("\(error)")
}

func fatal(_ message: String) -> Never {
  let line = "CoreOnly: \(message)\n"
  write(STDERR_FILENO, line, line.utf8.count)
  exit(1)
}

/// A file as memory that is read alone, at the start of a page.
func map(_ path: String) -> UnsafeRawBufferPointer? {
  let descriptor = open(path, O_RDONLY)
  var status = stat()
  guard descriptor >= 0, fstat(descriptor, &status) == 0, status.st_size > 0 else { return nil }
  let size = Int(status.st_size)
  let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
  return memory == MAP_FAILED ? nil : UnsafeRawBufferPointer(start: memory, count: size)
}

/// So many bytes of the standard input.
func readImage(_ count: Int) -> [UInt8]? {
  var bytes: [UInt8] = []
  while bytes.count < count {
    var piece = [UInt8](repeating: 0, count: count - bytes.count)
    let length = read(STDIN_FILENO, &piece, piece.count)
    guard length > 0 else { return nil }
    bytes += piece[..<length]
  }
  return bytes
}

/// Pixels of Fashion-MNIST on the input's grid. Firmware that gets its images from a camera has the
/// 256 values as a constant table: the one place where a real number has been.
func quantize(_ pixels: [UInt8], for classifier: StaticClassifier) -> [Int8] {
  let grid = classifier.model.tensor(classifier.model.input)
  let table = (0...255).map { pixel in
    let real = (Float(pixel) / 255 - 0.286) / 0.353 / Float(bitPattern: grid.scaleBits)
    return Int8(clamping: Int(real.rounded(.toNearestOrEven)) + grid.zeroPoint)
  }
  return pixels.map { table[Int($0)] }
}
