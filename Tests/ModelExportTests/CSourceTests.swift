import CupelIntegerOperators
import CupelModelExport
import CupelModelFormat
import CupelModelWriter
import Testing

@Suite struct CSourceTests {
  private func source(_ name: String) throws -> (CSource, [UInt8]) {
    let bytes = try CupelWriter.bytes(of: Programs.quantized("qdq-u8s8-vgg"))
    let source = try withModelView(bytes) { model in
      CSource(model: model, file: bytes, arenaBytes: 4321, name: name, header: name + ".h")
    }
    return (source, bytes)
  }

  @Test func arrayHoldsTheFile() throws {
    let (source, bytes) = try source("vgg")
    let body = try #require(source.implementation.split(separator: "{").last)
    let numbers = body.split { !$0.isNumber }.compactMap { UInt8($0) }
    #expect(numbers == bytes)
    #expect(source.implementation.contains("#include \"vgg.h\""))
    #expect(source.implementation.contains("const unsigned char vgg[VGG_SIZE] = {"))
  }

  @Test func headerSaysWhatFirmwareNeeds() throws {
    let (source, bytes) = try source("vgg")
    let program = try Programs.quantized("qdq-u8s8-vgg")
    let input = program.tensors[program.input]
    for line in [
      "#define VGG_SIZE \(bytes.count)", "#define VGG_ARENA_SIZE 4321",
      "#define VGG_INPUT_HEIGHT 16", "#define VGG_INPUT_CHANNELS 3",
      "#define VGG_INPUT_ZERO_POINT (\(input.zeroPoint))", "#define VGG_OUTPUT_CHANNELS 10",
      "#define VGG_INPUT_SCALE_BITS 0x"
        + String(input.scale.bitPattern, radix: 16, uppercase: true) + "u",
    ] {
      #expect(source.header.split(separator: "\n").contains { $0 == line }, "\(line)")
    }
  }

  /// Whatever a file is called, the array has a name that C allows.
  @Test func namesAreIdentifiers() throws {
    #expect(try source("7 days-ä").0.header.contains("extern const unsigned char model_7_days__["))
    #expect(try source("a\"b\n").0.implementation.hasPrefix("#include \"ab.h\"\n"))
  }
}
