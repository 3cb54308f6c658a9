import CupelIntegerOperators
import CupelModelExport
import CupelModelFormat
import CupelModelWriter
import Foundation
import TestSupport
import Testing

@Suite struct CSourceTests {
  private func source(_ name: String) throws -> (CSource, [UInt8]) {
    let bytes = try CupelWriter.bytes(of: Programs.quantized("qdq-u8s8-vgg"))
    let source = try withModelView(bytes) { model in
      CSource(model: model, file: bytes, arenaBytes: 4321, name: name)
    }
    return (source, bytes)
  }

  /// Of several inputs and outputs each has numbers of its own.
  @Test func severalEndsAreNumbered() throws {
    let bytes = try CupelWriter.bytes(of: SeveralEnds.program)
    let header = try withModelView(bytes) {
      CSource(model: $0, file: bytes, arenaBytes: 64, name: "ends").header
    }
    for line in ["INPUT_0_CHANNELS 2", "INPUT_1_CHANNELS 3", "OUTPUT_2_CHANNELS 5"] {
      #expect(header.contains("#define CUPEL_MODEL_ENDS_\(line)\n"), "\(line)")
    }
    #expect(!header.contains("_INPUT_CHANNELS"))
  }

  @Test func arrayHoldsTheFile() throws {
    let (source, bytes) = try source("vgg")
    let body = try #require(source.implementation.split(separator: "{").last)
    let numbers = body.split { !$0.isNumber }.compactMap { UInt8($0) }
    #expect(numbers == bytes)
    #expect(
      source.implementation.contains("const unsigned char cupel_model_vgg[\(bytes.count)] = {"))
  }

  @Test func headerSaysWhatFirmwareNeeds() throws {
    let (source, bytes) = try source("vgg")
    let program = try Programs.quantized("qdq-u8s8-vgg")
    let input = program.tensors[program.input]
    for line in [
      "FILE_SIZE \(bytes.count)", "ARENA_SIZE 4321", "INPUT_HEIGHT 16", "INPUT_CHANNELS 3",
      "INPUT_ZERO_POINT (\(input.zeroPoint))", "OUTPUT_CHANNELS 10",
      "INPUT_SCALE_BITS 0x" + String(input.scale.bitPattern, radix: 16, uppercase: true) + "u",
    ] {
      let wanted = "#define CUPEL_MODEL_VGG_" + line
      #expect(source.header.split(separator: "\n").contains { $0 == wanted }, "\(wanted)")
    }
  }

  /// By hand.
  @Test(arguments: [
    ("purified", "cupel_model_purified"), ("7 days-ä", "cupel_model_7_days_uE4"),
    ("_Bool", "cupel_model_Bool"), ("", "cupel_model"), ("a__b", "cupel_model_a_b"),
    ("ö", "cupel_model_uF6"), ("a\"b\\\n", "cupel_model_a_b"), ("a*/b", "cupel_model_a_b"),
    ("\u{212A}", "cupel_model_u212A"), ("e\u{301}1", "cupel_model_e_u301_1"),
  ])
  func namesAreIdentifiers(_ name: String, _ identifier: String) {
    #expect(CSource.identifier(for: name) == identifier)
  }

  /// Keywords, macros, functions and types of C's and C++'s libraries, of compilers and of Cupel's
  /// own kernels, and names that are no identifiers at all.
  private static let hostile = [
    "auto", "int", "class", "new", "default", "_Bool", "template", "constexpr", "nullptr", "and",
    "printf", "memcpy", "main", "errno", "NULL", "EOF", "INT_MAX", "stdin", "size_t", "assert",
    "linux", "unix", "__LINE__", "defined", "int8_t", "std", "direct_run", "cupel_direct_run",
    "1x", "1 net", "ä", "日本", "", "a\"b", "a\\", "a*/c", "%s",
  ]

  /// Sources and headers compile as C and as C++, alone and all headers in one file that includes
  /// the libraries; a program in either language finds the bytes.
  @Test(.startsProcesses) func anyNameCompiles() throws {
    let folder = try TemporaryFolder()
    let libraries = ["assert", "errno", "limits", "stddef", "stdint", "stdio", "stdlib", "string"]
    var user = libraries.map { "#include <\($0).h>\n" }.joined()
    var checks = ""
    for (number, name) in Self.hostile.enumerated() {
      let (source, bytes) = try source(name)
      try folder.write(Array(source.header.utf8), to: "\(number).h")
      try folder.write(Array(source.implementation.utf8), to: "\(number).c")
      user += "#include \"\(number).h\"\n#include \"\(number).h\"\n"
      let identifier = CSource.identifier(for: name)
      checks += """
          if (\(identifier)[0] != \(bytes[0])) return 1;
          if (sizeof \(identifier) != \(identifier.uppercased())_FILE_SIZE) return 1;

        """
    }
    user += "int main(void) {\n\(checks)  return 0;\n}\n"
    try folder.write(Array(user.utf8), to: "user.c")
    let files = ["user"] + Self.hostile.indices.map(String.init)
    for language in [["-x", "c", "-std=c17"], ["-x", "c++", "-std=c++17"]] {
      let status = try run(
        "clang",
        language + ["-Wall", "-Wextra", "-Werror", "-pedantic"]
          + files.map { folder.path("\($0).c") } + ["-o", folder.path("user")])
      #expect(status == 0, "\(language)")
      #expect(try run(folder.path("user"), []) == 0)
    }
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
