extension FloatGraph {
  /// Products of matrices, both activations: [.., M, K] and [.., K, N] to [.., M, N]. Where one has
  /// a leading axis of one element, its matrix stands for all of the other's.
  public struct MatMul: FloatOperator {
    public static let name = "matrix product"

    /// The product, which has no parameters.
    public init() {}

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard inputs.count == 2 else {
        throw RuleViolation("\(Self.name) takes 2 inputs, has \(inputs.count)")
      }
      let (left, right) = (inputs[0], inputs[1])
      guard left.count >= 2, left.count == right.count,
        left[left.count - 1] == right[right.count - 2],
        zip(left.dropLast(2), right.dropLast(2)).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 })
      else { throw RuleViolation("\(Self.name) cannot join \(left) and \(right)") }
      return zip(left.dropLast(2), right.dropLast(2)).map(max)
        + [left[left.count - 2], right[right.count - 1]]
    }

    public func macs(inputs: [[Int]], output: [Int]) -> Int {
      output.reduce(inputs[0].last ?? 1) { ShapeArithmetic.saturatingProduct($0, $1) }
    }

    /// The products of one image.
    private struct Matrices: Sendable {
      let m, n, k: Int
      let runs: BroadcastRuns
      let strides: [Int]

      init(_ inputs: [[Int]]) {
        let rank = inputs[0].count
        (m, k, n) = (inputs[0][rank - 2], inputs[0][rank - 1], inputs[1][rank - 1])
        let leading = inputs.map { Array($0.dropLast(2)) }
        runs = BroadcastRuns(leading[0], leading[1])
        strides = inputs.map { $0.reduce(1, *) }
      }

      /// Calls `body` with where the matrices of each product start.
      func forEach(_ images: Int, _ body: (_ left: Int, _ right: Int, _ result: Int) -> Void) {
        runs.forEach(images) { left, right, result in
          for index in 0..<runs.length {
            body(
              (left + index * runs.leftStep) * m * k, (right + index * runs.rightStep) * k * n,
              (result + index) * m * n)
          }
        }
      }
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let matrices = Matrices(inputs)
      let (m, n, k) = (matrices.m, matrices.n, matrices.k)
      return { inputs, images, output in
        matrices.forEach(images) { left, right, result in
          Gemm.multiply(
            m: m, n: n, k: k, a: inputs[0] + left, lda: k, b: inputs[1] + right, ldb: n,
            c: output + result, ldc: n)
        }
      }
    }

    public var readsInputsFor: GradientWants { .inputs }

    /// dA = dC · Bᵀ and dB = Aᵀ · dC, added up where a matrix stands for several.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let matrices = Matrices(inputs)
      let (m, n, k) = (matrices.m, matrices.n, matrices.k)
      return .inPieces { pass in
        for (target, stride) in zip(pass.inputGradients, matrices.strides) {
          target.update(repeating: 0, count: pass.images * stride)
        }
        matrices.forEach(pass.images) { left, right, result in
          let gradient = pass.outputGradient + result
          Gemm.multiplyByTranspose(
            m: m, n: k, k: n, a: gradient, lda: n, b: pass.inputs[1] + right, ldb: n,
            c: pass.inputGradients[0] + left, ldc: k, accumulating: true)
          Gemm.multiplyTransposed(
            m: k, n: n, k: m, a: pass.inputs[0] + left, lda: k, b: gradient, ldb: n,
            c: pass.inputGradients[1] + right, ldc: n, accumulating: true)
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Products of matrices, both activations.
  public static let matMul = Self(FloatGraph.MatMul())
}
