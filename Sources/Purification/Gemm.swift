import CBLIS

/// Row-major float32 matrix products over BLIS, one thread: parallelism is over problems, so that
/// no sum depends on the thread count.
enum Gemm {
  /// c ← scale · a·b + c, a [rows][inner], b [inner][columns], c [rows][columns].
  static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: ArraySlice<Float>, _ b: ArraySlice<Float>,
    scale: Float = 1, into c: inout ArraySlice<Float>
  ) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, numericCast(rows), numericCast(columns),
            numericCast(inner), scale, a.baseAddress!, numericCast(inner), b.baseAddress!,
            numericCast(columns), 1, c.baseAddress!, numericCast(columns))
        }
      }
    }
  }
}
