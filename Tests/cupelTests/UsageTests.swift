import Testing

/// Command lines that are wrong whatever the files hold: status 64, with the reason and the usage.
@Suite struct UsageTests {
  @Test(arguments: [
    FailureCase("frobnicate", 64, "frobnicate"),
    FailureCase("--frobnicate", 64, "--frobnicate"),
    FailureCase("inspect", 64, "<model>"),
    FailureCase("inspect a.cupel b.cupel", 64, "b.cupel"),
    FailureCase("inspect a.cupel --frobnicate", 64, "--frobnicate"),
    FailureCase("inspect a.cupel --json", 64, "--json"),
    FailureCase("compile --scheme w8a8 -o x.cupel", 64, "<model>"),
    FailureCase("compile a.onnx -o x.cupel", 64, "--scheme"),
    FailureCase("compile a.onnx --scheme w8a8", 64, "--output"),
    FailureCase("compile a.onnx --scheme w9a8 -o x.cupel", 64, "w9a8", "w4a4"),
    FailureCase("compile a.onnx --scheme w8a8.px -o x.cupel", 64, ".px", ".pt"),
    FailureCase("compile a.onnx --scheme w8a8.pc.pt -o x.cupel", 64, "twice"),
    FailureCase("compile a.onnx --scheme w8a8 -o x.cupel --threads 0", 64, "--threads"),
    FailureCase("compile a.onnx --scheme w8a8 -o x.cupel --threads two", 64, "two"),
    FailureCase("compile a.onnx --scheme w8a8 -o x.cupel --calibration 0", 64, "--calibration"),
    FailureCase("compile a.onnx --scheme w8a8 -o x.cupel --profile tvm", 64, "tvm", "tflm"),
    FailureCase("compile a.onnx --scheme w8a8 -o x.cupel --seed -1", 64, "--seed"),
    FailureCase("purify a.onnx --scheme w8a8 -o x.cupel --iterations 0", 64, "--iterations"),
    FailureCase("purify a.onnx --scheme w8a8 -o x.cupel --method magic", 64, "magic", "efrap"),
    FailureCase("run a.cupel --limit 0", 64, "--limit"),
    FailureCase("run a.cupel --threads 0", 64, "--threads"),
    FailureCase("run a.cupel --trigger patch:4x4", 64, "patch:4x4", "HxW@PLACE:PATTERN"),
    FailureCase("run a.cupel --isa mmx", 64, "mmx", "scalar"),
    FailureCase("run a.cupel --memory none", 64, "--memory", "small"),
    FailureCase("audit --trigger catalogue", 64, "<models>"),
    FailureCase("audit a.cupel --trigger catalogue --isa mmx", 64, "mmx", "scalar"),
    FailureCase("audit a.onnx", 64, "--trigger"),
    FailureCase("audit a.onnx --trigger sticker:4x4 --target 0", 64, "sticker", "patch"),
    FailureCase("audit a.onnx --trigger '' --target 0", 64, "patch"),
    FailureCase(
      "audit a.onnx --trigger patch:4x4@bottom-right:pink --target 0", 64, "pink", "white"),
    FailureCase("audit a.onnx --trigger patch:4x4@middle:white --target 0", 64, "middle", "center"),
    FailureCase("audit a.onnx --trigger patch:0x4@center:white --target 0", 64, "height"),
    FailureCase("audit a.onnx --trigger patch:4x4@center:white", 64, "--target"),
    FailureCase("audit a.onnx --trigger catalogue --schemes w8a9", 64, "w8a9", "w8a8"),
    FailureCase("audit a.onnx --trigger catalogue --schemes w8a8,", 64, "scheme"),
    FailureCase("audit a.cupel --trigger catalogue --schemes w8a8", 64, "--schemes"),
    FailureCase("audit a.onnx --trigger catalogue --limit 0", 64, "--limit"),
    FailureCase("audit a.onnx --trigger catalogue --threads 0", 64, "--threads"),
    FailureCase("audit a.onnx b.onnx --trigger catalogue", 64, "one float model"),
    FailureCase("demo --threads 0", 64, "--threads"),
  ])
  func endsWith64(_ wrong: FailureCase) throws {
    try wrong.check(in: try Workspace())
  }
}
