import CupelFloatGraph
import Glibc
import Testing

@Suite("Matrix products") struct GemmTests {
  /// BLIS 0.9's AVX2 kernels read a row behind A's last one: here it is a page that nobody may read.
  @Test("a product by a transpose reads nothing behind its matrices")
  func guardedPage() throws {
    let (m, n, k) = (16, 289, 196)
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let bytes = m * k * MemoryLayout<Float>.stride
    let whole = (bytes + page - 1) / page * page
    let memory = try #require(
      mmap(nil, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    defer { munmap(memory, whole + page) }
    #expect(mprotect(memory + whole, page, PROT_NONE) == 0)
    let a = (memory + (whole - bytes)).bindMemory(to: Float.self, capacity: m * k)
    for index in 0..<m * k { a[index] = Float(index % 7) }
    let b = (0..<n * k).map { Float($0 % 5) }
    var c = [Float](repeating: 0, count: m * n)
    Gemm.multiplyByTranspose(m: m, n: n, k: k, a: a, lda: k, b: b, ldb: k, c: &c, ldc: n)
    // Small integers: every order of adding up gives the same.
    for (row, column) in [(0, 0), (7, 100), (15, 288)] {
      let sum = (0..<k).reduce(Float(0)) { $0 + a[row * k + $1] * b[column * k + $1] }
      #expect(c[row * n + column] == sum)
    }
  }
}
