import CupelFloatGraph
import CupelIntegerBuilder

/// A node of a file, which names itself in errors.
protocol FileNode {
  /// Its own name, or what stands for one.
  var name: String { get }
  /// Its operator's.
  var type: String { get }
  /// Why the builder does not make what the node asks for.
  func error(_ cause: BuildError) -> ImportError
}

extension FileNode {
  /// The node breaks a rule.
  func error(_ rule: String) -> ImportError { .invalidNode(node: name, operator: type, rule: rule) }

  /// The operator is known, but not in this form.
  func unsupported(_ form: String) -> ImportError {
    .unsupportedOperators([.init(node: name, operator: type, form: form)])
  }

  /// What the builder makes, or its error in this node's name.
  ///
  /// - Parameter rule: instead of the builder's own.
  func built<Result>(
    _ rule: String? = nil, _ body: () throws(BuildError) -> Result
  ) throws(ImportError) -> Result {
    do throws(BuildError) {
      return try body()
    } catch {
      throw rule.map(self.error) ?? self.error(error)
    }
  }

  /// What a float graph's rules allow, or the broken rule in this node's name.
  func obeying<Result>(
    _ body: () throws(RuleViolation) -> Result
  ) throws(ImportError) -> Result {
    do throws(RuleViolation) {
      return try body()
    } catch {
      throw self.error(error.rule)
    }
  }

  /// - Throws: `error` with the rule that is broken where the condition is not met.
  func require(_ isMet: Bool, _ rule: @autoclosure () -> String) throws(ImportError) {
    if !isMet { throw error(rule()) }
  }

  /// - Throws: `unsupported` with the node's form where the condition is not met.
  func support(_ isMet: Bool, _ form: @autoclosure () -> String) throws(ImportError) {
    if !isMet { throw unsupported(form()) }
  }
}
