import CCupelBLIS

/// Row-major matrix products, each on the calling thread. The kernels add up in an order that
/// depends on the sizes alone.
package enum Gemm {
  /// C[m × n] = A[m × k] · B[k × n] (+ C where `accumulating`); `ld…` are row strides in elements.
  package static func multiply(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool = false
  ) {
    cblis_multiply(
      false, false, Int64(m), Int64(n), Int64(k), a, Int64(lda), b, Int64(ldb), accumulating, c,
      Int64(ldc))
  }

  /// C[m × n] = A[m × k] · B[n × k]ᵀ (+ C where `accumulating`).
  package static func multiplyByTranspose(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool = false
  ) {
    func product(_ a: UnsafePointer<Float>, lda: Int) {
      cblis_multiply(
        false, true, Int64(m), Int64(n), Int64(k), a, Int64(lda), b, Int64(ldb), accumulating, c,
        Int64(ldc))
    }
    guard readsPastEnd else { return product(a, lda: lda) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: (m + 1) * k) { rows in
      rows.initialize(repeating: 0)
      guard let copy = rows.baseAddress else { return }
      for row in 0..<m { (copy + row * k).update(from: a + row * lda, count: k) }
      product(copy, lda: k)
    }
  }

  /// Whether kernels for a product by a transpose read a row behind A's last one, which need not be
  /// memory, and drop what they computed of it: those of BLIS 0.9 for AVX2.
  private static let readsPastEnd = kernelSet == "haswell"

  /// C[m × n] = A[k × m]ᵀ · B[k × n] (+ C where `accumulating`).
  package static func multiplyTransposed(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool = false
  ) {
    cblis_multiply(
      true, false, Int64(m), Int64(n), Int64(k), a, Int64(lda), b, Int64(ldb), accumulating, c,
      Int64(ldc))
  }

  /// The kernel set that BLIS uses on this machine, for reports.
  package static var kernelSet: String { String(cString: cblis_kernel_set()) }
}
