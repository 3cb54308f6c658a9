import CCupelBLIS
import CupelFloatGraph
import Foundation
import Testing

@Suite struct KernelSetTests {
  /// BLIS 0.9 falls back to portable C on CPUs that are newer than itself, at a fifth of the speed.
  @Test func blisDoesNotUseGenericKernelsWhereTheCPUHasVectors() throws {
    let description = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    if description.contains(" avx2 ") { #expect(Gemm.kernelSet != "generic") }
    #expect(String(cString: cblis_version()).first?.isNumber == true)
  }

  @Test func productsOfSmallMatricesAreExact() {
    // [1 2 3; 4 5 6] · [7 8; 9 10; 11 12] = [58 64; 139 154]
    let (a, b): ([Float], [Float]) = ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12])
    var c: [Float] = [1, 1, 1, 1]
    Gemm.multiply(m: 2, n: 2, k: 3, a: a, lda: 3, b: b, ldb: 2, c: &c, ldc: 2)
    #expect(c == [58, 64, 139, 154])
    Gemm.multiply(m: 2, n: 2, k: 3, a: a, lda: 3, b: b, ldb: 2, c: &c, ldc: 2, accumulating: true)
    #expect(c == [116, 128, 278, 308])
    let transposed: [Float] = [7, 9, 11, 8, 10, 12]
    Gemm.multiplyByTranspose(
      m: 2, n: 2, k: 3, a: a, lda: 3, b: transposed, ldb: 3, c: &c, ldc: 2)
    #expect(c == [58, 64, 139, 154])
  }

  /// By the definition, in an order of its own; integers, so that every order gives the same.
  @Test(
    "a product of any shape is the definition's",
    arguments: [(1, 1, 1), (1, 40, 30), (40, 1, 30), (33, 70, 1), (8, 500, 300), (70, 90, 310)])
  func shapes(m: Int, n: Int, k: Int) {
    let a = (0..<m * k).map { Float($0 % 7) - 3 }
    let b = (0..<k * n).map { Float($0 % 5) - 2 }
    var expected = [Float](repeating: 1, count: m * n)
    for row in 0..<m {
      for inner in 0..<k {
        for column in 0..<n {
          expected[row * n + column] += a[row * k + inner] * b[inner * n + column]
        }
      }
    }
    var c = [Float](repeating: 1, count: m * n)
    Gemm.multiply(m: m, n: n, k: k, a: a, lda: k, b: b, ldb: n, c: &c, ldc: n, accumulating: true)
    #expect(c == expected)
    let across = (0..<n * k).map { b[$0 % k * n + $0 / k] }
    c = [Float](repeating: 1, count: m * n)
    Gemm.multiplyByTranspose(
      m: m, n: n, k: k, a: a, lda: k, b: across, ldb: k, c: &c, ldc: n, accumulating: true)
    #expect(c == expected)
    let down = (0..<k * m).map { a[$0 % m * k + $0 / m] }
    c = [Float](repeating: 1, count: m * n)
    Gemm.multiplyTransposed(
      m: m, n: n, k: k, a: down, lda: m, b: b, ldb: n, c: &c, ldc: n, accumulating: true)
    #expect(c == expected)
  }

  /// `/proc/self/environ` says what the process began with.
  @Test("a product leaves the environment as it is")
  func environment() throws {
    var c: [Float] = [0]
    Gemm.multiply(m: 1, n: 1, k: 1, a: [2], lda: 1, b: [3], ldb: 1, c: &c, ldc: 1)
    #expect(c == [6])
    let began = try Data(contentsOf: URL(fileURLWithPath: "/proc/self/environ"))
      .split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    for name in ["BLIS_ARCH_TYPE", "BLIS_NUM_THREADS"] {
      let wasSet = began.contains { $0.hasPrefix(name + "=") }
      #expect((ProcessInfo.processInfo.environment[name] != nil) == wasSet)
    }
  }
}
