/// Decides the integers of one layer. Implementations are purification methods that differ only
/// in how they round; each sits in a file of its own.
package protocol RoundingSolver: Sendable {
  /// - Parameter progress: told the share of the layer's work that is done, from any thread.
  /// - Returns: integers, [rows][columns], within the layer's limits; the same at any thread count.
  /// - Throws: where the work is to end early (`Interruption`).
  func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) throws -> [Int8]
}
