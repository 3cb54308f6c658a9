import CBLIS

/// Row-major matrix products, each on the calling thread. The kernels add up in an order that
/// depends on the sizes alone.
package enum Gemm {
  /// C[m × n] = A[m × k] · B[k × n] (+ C where `accumulating`); `ld…` are row strides in elements.
  package static func multiply(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool = false
  ) {
    cblas_sgemm(
      Int32(CBLIS_ROW_MAJOR), Int32(CBLIS_NO_TRANSPOSE), Int32(CBLIS_NO_TRANSPOSE), Int32(m),
      Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), accumulating ? 1 : 0, c, Int32(ldc))
  }

  /// C[m × n] = A[m × k] · B[n × k]ᵀ (+ C where `accumulating`).
  package static func multiplyByTranspose(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool = false
  ) {
    cblas_sgemm(
      Int32(CBLIS_ROW_MAJOR), Int32(CBLIS_NO_TRANSPOSE), Int32(CBLIS_TRANSPOSE), Int32(m),
      Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), accumulating ? 1 : 0, c, Int32(ldc))
  }

  /// C[m × n] = A[k × m]ᵀ · B[k × n] (+ C where `accumulating`).
  package static func multiplyTransposed(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool = false
  ) {
    cblas_sgemm(
      Int32(CBLIS_ROW_MAJOR), Int32(CBLIS_TRANSPOSE), Int32(CBLIS_NO_TRANSPOSE), Int32(m),
      Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), accumulating ? 1 : 0, c, Int32(ldc))
  }

  /// The kernel set that BLIS uses on this machine, for reports.
  package static var kernelSet: String { String(cString: cblis_kernel_set()) }
}
