import Cupel
import CupelSweep
import Testing

@Suite("Tasks of a sweep") struct SweepTaskTests {
  static let task: SweepTask = {
    let digest = String(repeating: "a", count: 64)
    var task = SweepTask(
      models: [.init(path: "/models/a.onnx", sha256: digest)],
      data: .init(path: "/data", sha256: digest, listing: digest), rule: digest)
    task.schemes = ["w8a8"]
    return task
  }()

  @Test("a task's name follows from what it is made from, and not from where that lies")
  func names() {
    let task = Self.task
    func name(_ change: (inout SweepTask) -> Void) -> String {
      var other = task
      change(&other)
      return other.name
    }
    #expect(task.name.count == 64)
    let same = [
      name { $0.models[0].path = "/elsewhere/b.onnx" },
      name { $0.data.path = "/mnt/data" },
      name { $0.data.listing = nil },
    ]
    #expect(same.allSatisfy { $0 == task.name })
    let digest = String(repeating: "b", count: 64)
    let others = [
      name { $0.models[0].sha256 = digest }, name { $0.models.append($0.models[0]) },
      name { $0.schemes = ["w4a8"] }, name { $0.profile = "xnnpack" },
      name { $0.attack = .init(trigger: "patch:4x4@bottom-right:white", target: 0) },
      name { $0.attack = .init(trigger: "patch:4x4@bottom-right:white", target: 1) },
      name { $0.families = ["wave"] }, name { $0.budget = 1 }, name { $0.limit = 100 },
      name { $0.calibration = 16 }, name { $0.seed = 1 },
      name { $0.preprocessing = Preprocessing(mean: [0], std: [1]) },
      name { $0.data.sha256 = digest }, name { $0.classes = .init(path: "c", sha256: digest) },
      name { $0.catalogue = .init(path: "c", sha256: digest) }, name { $0.rule = digest },
      name { $0.tool = "0.0.0" },
    ]
    #expect(Set(others + [task.name]).count == others.count + 1)
  }

  @Test("the command is the one that makes the same report by hand")
  func command() {
    var task = Self.task
    task.attack = .init(trigger: "patch:4x4@bottom-right:white", target: 3)
    task.limit = 50
    task.preprocessing = Preprocessing(mean: [0.25], std: [0.5])
    #expect(
      task.command == [
        "cupel", "audit", "/models/a.onnx", "--schemes=w8a8",
        "--trigger=patch:4x4@bottom-right:white", "--target=3", "--limit=50",
        "--calibration=1024", "--seed=0", "--mean=0.25", "--std=0.5",
        "--scale=0.00392156862745098", "--data=/data",
      ])
  }
}
