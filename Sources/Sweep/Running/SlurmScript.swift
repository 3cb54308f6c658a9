import Cupel

/// A sweep as an array job of Slurm: each element does some tasks that follow one another, and one
/// whose node fails is queued again and goes on with what is missing.
public struct SlurmScript: Sendable, Equatable {
  /// Elements of the array, at most: below Slurm's usual MaxArraySize of 1001.
  public var elements = 1000
  /// Elements that run at a time; nil for as many as there is room for.
  public var atATime: Int?
  /// nil for Slurm's own.
  public var partition: String?
  /// Processors of an element, and threads of a task.
  public var threads = 1
  /// Bytes of memory of an element.
  public var memory: Int
  /// Seconds of a task.
  public var seconds: Int

  /// Asks for half as much memory again as the largest task had, and twice the time of the longest.
  ///
  /// - Parameters:
  ///   - status: of the sweep, with tasks that are done.
  ///   - memory: bytes; nil for what was measured.
  ///   - seconds: of a task; nil for what was measured.
  /// - Throws: `CupelError` where nothing was measured and something is not given.
  public init(
    measuredBy status: SweepStatus, memory: Int? = nil, seconds: Int? = nil
  ) throws(CupelError) {
    let bytes = status.kinds.map(\.mostBytes).max()
    let longest = status.kinds.map(\.mostSeconds).max()
    guard let memory = memory ?? bytes.map({ max($0 + $0 / 2, Self.leastMemory) }),
      let seconds = seconds ?? longest.map({ max(Int($0 * 2) + 1, Self.leastSeconds) })
    else {
      throw CupelError(
        "no task was measured yet: do some here first, as with cupel sweep run --tasks 1-3, or give "
          + "--memory and --time", .usage)
    }
    (self.memory, self.seconds) = (memory, seconds)
  }

  private static let (leastMemory, leastSeconds) = (256 << 20, 60)

  /// Tasks of an element, where there are so many in all.
  public func tasksAnElement(of count: Int) -> Int { max((count + elements - 1) / elements, 1) }

  /// The script that `sbatch` takes.
  ///
  /// - Parameters:
  ///   - count: tasks of the sweep.
  ///   - folder: of the sweep, which every node sees under this path.
  ///   - program: `cupel`, which every node sees under this path.
  public func text(tasks count: Int, folder: String, program: String) -> String {
    let share = tasksAnElement(of: count)
    let last = (count + share - 1) / share
    let limit = atATime.map { "%\($0)" } ?? ""
    let minutes = (seconds * share + 59) / 60
    let options = [
      "job-name=cupel-sweep", "array=1-\(last)\(limit)", "requeue", "open-mode=append",
      "cpus-per-task=\(threads)", "mem=\(memory >> 20)M", "time=\(minutes)",
      "output=\(folder)/slurm/%A_%a.log",
    ]
    let named = options + (partition.map { ["partition=\($0)"] } ?? [])
    return """
      #!/bin/bash
      \(named.map { "#SBATCH --\($0)" }.joined(separator: "\n"))

      # Each element does \(share) tasks; what has a result already is left alone.
      last=$((SLURM_ARRAY_TASK_ID * \(share)))
      first=$((last - \(share - 1)))
      exec \(quoted(program)) sweep run \(quoted(folder)) --tasks "$first-$last" \\
        --jobs 1 --threads \(threads) --time \(seconds)s --quiet

      """
  }
}

/// As a POSIX shell reads it.
private func quoted(_ text: String) -> String {
  "'" + text.replacing("'", with: "'\\''") + "'"
}
