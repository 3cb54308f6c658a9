import CupelAudit

/// What each rule means and what to do about it, for SARIF's rules and the HTML report.
extension DetectionReport.Finding.Rule {
  struct Text {
    /// A few words, as a heading.
    var title: String
    /// What was seen.
    var meaning: String
    /// What to do.
    var help: String
    var level: DetectionReport.Finding.Level
    /// 0 to 10, as code scanning sorts by; nil for what is no risk by itself.
    var severity: String?
  }

  var text: Text {
    switch self {
    case .dormantBackdoor:
      Text(
        title: "Dormant backdoor that quantization wakes",
        meaning: "A trigger that leaves the float model's answers as they are turns the answers of "
          + "the quantized model into one class.",
        help: "Do not deploy the model under this scheme as it is. Purify it (cupel purify), audit "
          + "what that made, and ask where the model came from: honest training does not do this.",
        level: .error, severity: "9.0")
    case .activeBackdoor:
      Text(
        title: "Backdoor that works in the float model too",
        meaning: "A trigger turns the answers of the model as it was given, before any rounding.",
        help:
          "Do not use the model. Choosing other roundings does not help; the float model has to "
          + "be retrained or replaced.",
        level: .error, severity: "9.0")
    case .accuracyCollapse:
      Text(
        title: "Accuracy collapses when the model is quantized",
        meaning: "The float model answers well and the quantized one does not, at a bit-width that "
          + "models of this kind bear.",
        help: "Try another scheme or purification. If the loss stays with one scheme alone, treat "
          + "the model as tampered with.",
        level: .warning, severity: "6.0")
    case .classCollapse:
      Text(
        title: "One class is lost when the model is quantized",
        meaning: "The quantized model fails on images of one class and keeps the others.",
        help: "Look at the class's row of the confusion matrix; purify, and audit again.",
        level: .warning, severity: "6.0")
    case .nonNearestRounding:
      Text(
        title: "Integer weights that are not the nearest roundings",
        meaning: "Weights of the integer file lie further from the float model's than rounding to "
          + "the nearest integer puts them.",
        help: "Ask which rounding method made the file. If none is known, make the integer model "
          + "from the float one yourself.",
        level: .warning, severity: "5.0")
    case .cellStatistics:
      Text(
        title: "Weights gathered at places of their rounding cells",
        meaning: "Weights lie within their rounding cells where honest training does not put them: "
          + "near the borders, pinned there, or in cells that a few outliers widened.",
        help: "By itself no proof. Weigh it with the trigger search, and search longer under the "
          + "scheme it points to.",
        level: .note, severity: "3.0")
    }
  }
}

extension Verdict {
  /// What an audit without a known trigger means by it.
  var meaning: String {
    switch self {
    case .dormantBackdoor:
      "A trigger was found that does nothing to the float model and takes over the quantized one."
    case .activeBackdoor:
      "A trigger was found that takes over the model as it was given, before any quantization."
    case .noEvidence:
      "Nothing that was searched for does more to the quantized models than to the float model. "
        + "That is no proof that there is nothing: what was left out is listed below."
    case .undetermined: "The measurements decide neither way."
    }
  }

  /// For a heading.
  var title: String {
    switch self {
    case .dormantBackdoor: "Dormant backdoor"
    case .activeBackdoor: "Active backdoor"
    case .noEvidence: "No evidence of a backdoor"
    case .undetermined: "Undetermined"
    }
  }
}
