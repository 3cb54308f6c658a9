import CBLIS
import FloatGraph
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

  @Test func doublePrecisionAndSymmetricProductsAreBound() {
    let a: [Double] = [1, 2, 3, 4]
    var c = [Double](repeating: 0, count: 4)
    cblas_dgemm(
      Int32(CBLIS_ROW_MAJOR), Int32(CBLIS_NO_TRANSPOSE), Int32(CBLIS_NO_TRANSPOSE), 2, 2, 2, 1, a,
      2, a, 2, 0, &c, 2)
    #expect(c == [7, 10, 15, 22])
    // The upper triangle of a · aᵀ; the lower one keeps what it had.
    c = [0, 0, -1, 0]
    cblas_dsyrk(
      Int32(CBLIS_ROW_MAJOR), Int32(CBLIS_UPPER), Int32(CBLIS_NO_TRANSPOSE), 2, 2, 1, a, 2, 0, &c, 2
    )
    #expect(c == [5, 11, -1, 25])
    let b: [Float] = [1, 2, 3, 4]
    var d: [Float] = [0, 0, -1, 0]
    cblas_ssyrk(
      Int32(CBLIS_ROW_MAJOR), Int32(CBLIS_UPPER), Int32(CBLIS_NO_TRANSPOSE), 2, 2, 1, b, 2, 0, &d, 2
    )
    #expect(d == [5, 11, -1, 25])
  }
}
