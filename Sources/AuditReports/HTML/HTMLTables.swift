import CupelAudit

/// The report's numbers as tables.
struct HTMLTables {
  let report: DetectionReport

  /// Rows of a plot, at most.
  private static let mostRows = 36
  /// Classes that fit beside each other.
  private static let mostClasses = 20
  /// Findings that are written out.
  private static let mostFindings = 100

  /// What is said where something is not shown.
  static func note(_ count: Int, _ text: String) -> Markup {
    count > 0 ? "<p class=\"muted\">\(count) \(text)</p>" : ""
  }

  var findings: Markup {
    guard !report.findings.isEmpty else {
      return "<section id=\"findings\"><h2>Findings</h2><p>There are none.</p></section>"
    }
    let shown = report.findings.prefix(Self.mostFindings).map { finding -> Markup in
      let place = [
        finding.file, finding.scheme?.rawValue, finding.targetClass.map { "class \($0)" },
      ].compactMap(\.self).joined(separator: " · ")
      return """
        <li><span class="level \(finding.level.markup)">\(finding.level.rawValue)</span> \
        <b>\(finding.rule.text.title)</b> <span class="muted">\(place)</span><br>
        \(finding.message)<br><span class="muted">\(finding.rule.text.help)</span></li>
        """
    }
    let rest = Self.note(report.findings.count - shown.count, "more are in the JSON report.")
    return """
      <section id="findings"><h2>Findings</h2><ul class="findings">\(shown.joined())</ul>
      \(rest)</section>
      """
  }

  var deployments: Markup {
    let rows = report.deployments.map { row -> Markup in
      let search = row.strongest
      let difference = report.float.benignAccuracy.map { Figure.percent(row.benignAccuracy - $0) }
      return """
        <tr class="\(search?.isLarge == true ? "found" : "plain")"><td class="t">\(row.title)</td>\
        <td>\(row.profile.rawValue)</td>\
        <td class="n">\(Figure.percent(row.benignAccuracy, row.benignAccuracyInterval))</td>\
        <td class="n">\(difference ?? "–")</td>\
        <td class="n">\(search.map { Figure.percent($0.differentialASR, $0.differentialASRInterval) } ?? "–")</td>\
        <td>\(search?.family.rawValue ?? "–")</td>\
        <td class="n">\(search.map { String($0.targetClass) } ?? "–")</td>\
        <td class="n">\(Figure.probability(row.probability))</td></tr>
        """
    }.joined()
    let float = Figure.percent(report.float.benignAccuracy, report.float.benignAccuracyInterval)
    return """
      <section id="deployments"><h2>Deployments</h2>
      <p class="muted">BA is the accuracy on clean images. Differential ASR: of the images that the float \
      model does not answer with the class anyway, the share whose float answer the trigger leaves alone \
      and whose integer answer it turns into the class, less the share with that integer answer without \
      the trigger. The strongest trigger of each deployment is shown.</p>
      <div class="wide"><table><thead><tr><th>deployment</th><th>profile</th>\
      <th class="n">BA, % [95 %]</th><th class="n">BA − float, points</th>\
      <th class="n">differential ASR, points [95 %]</th><th>trigger</th><th class="n">class</th>\
      <th class="n">P(dormant)</th></tr></thead><tbody>
      <tr><td>float</td><td></td><td class="n">\(float)</td><td class="n"></td><td class="n"></td>\
      <td></td><td class="n"></td><td class="n"></td></tr>
      \(rows)</tbody></table></div></section>
      """
  }

  /// Every search as a dot with its interval.
  var differences: Markup {
    let all = report.deployments.flatMap { deployment in
      deployment.searches.map { search in
        IntervalPlot.Row(
          name: "\(deployment.title) · \(search.family.rawValue) → \(search.targetClass)",
          value: search.differentialASR, interval: search.differentialASRInterval)
      }
    }.sorted { $0.value > $1.value }
    guard !all.isEmpty else { return "" }
    let rest = Self.note(all.count - Self.mostRows, "searches that found less are left out.")
    return """
      <figure id="differences"><div class="panel">\
      \(IntervalPlot.differences(Array(all.prefix(Self.mostRows))))</div>
      <div class="legend"><span><svg width="26" height="10"><line class="whisker i-found" x1="1" \
      x2="25" y1="5" y2="5"/><circle class="dot i-found" cx="13" cy="5" r="4"/></svg>lower bound at \
      least 20 points, as a backdoor needs</span><span><svg width="26" height="10"><line class="whisker i-plain" \
      x1="1" x2="25" y1="5" y2="5"/><circle class="dot i-plain" cx="13" cy="5" r="4"/></svg>less</span>\
      <span><svg width="10" height="14"><line class="bound" x1="5" x2="5" y1="0" y2="14"/></svg>the \
      verdict's bound, 20 points</span></div>
      \(rest)
      </figure>
      """
  }

  var searches: Markup {
    let rows = report.deployments.flatMap { deployment in
      deployment.searches.map { search -> Markup in
        """
        <tr class="\(search.isLarge ? "found" : "plain")"><td class="t">\(deployment.title)</td>\
        <td>\(search.family.rawValue)</td><td class="n">\(search.targetClass)</td>\
        <td class="n">\(Figure.percent(search.differentialASR, search.differentialASRInterval))</td>\
        <td class="n">\(Figure.percent(search.floatASR))</td>\
        <td class="n">\(Figure.percent(search.integerASR))</td>\
        <td class="n">\(Figure.percent(search.trigger.area))</td>\
        <td class="n">\(search.steps) × \(search.batch)</td>\
        <td class="n">\(Figure.seconds(search.seconds))</td></tr>
        """
      }
    }
    guard !rows.isEmpty else { return "" }
    return """
      <section id="searches"><h2>Trigger searches</h2>
      <p class="muted">ASR: share of triggered images answered with the class, those left out that the \
      float model answers so anyway. Cover: mean of the mask over the image.</p>
      <div class="wide"><table><thead><tr><th>deployment</th><th>family</th><th class="n">class</th>\
      <th class="n">differential ASR, points [95 %]</th><th class="n">float ASR, %</th>\
      <th class="n">integer ASR, %</th><th class="n">cover, %</th><th class="n">steps × images</th>\
      <th class="n">time</th></tr></thead><tbody>\(rows.joined())</tbody></table></div></section>
      """
  }

  var survival: Markup {
    let rows = report.deployments.compactMap { deployment -> Markup? in
      guard let survival = deployment.survival else { return nil }
      func share(_ value: Double?, _ name: String?) -> Markup {
        guard let value else { return "–" }
        return "\(Figure.percent(value))\(name.map { " <small>\($0)</small>" as Markup } ?? "")"
      }
      return """
        <tr><td class="t">\(deployment.title)</td>\
        <td class="n">\(Figure.percent(survival.nearest))</td>\
        <td class="n">\(Figure.percent(survival.stochasticRounding)) \
        <small>\(survival.draws) draws</small></td>\
        <td class="n">\(share(survival.purified, survival.purification?.rawValue))</td>\
        <td class="n">\(share(survival.otherBits, survival.otherScheme?.rawValue))</td></tr>
        """
    }
    guard !rows.isEmpty else { return "" }
    return """
      <section id="survival"><h2>Does the trigger survive other roundings?</h2>
      <p class="muted">Share of triggered images answered with the class, in percent. A dormant backdoor \
      hangs on the attacked rounding and fades under any other; an ordinary backdoor or an adversarial \
      patch stays.</p>
      <div class="wide"><table><thead><tr><th>deployment</th><th class="n">as deployed</th>\
      <th class="n">stochastic rounding</th><th class="n">purified</th><th class="n">other bits</th>\
      </tr></thead><tbody>\(rows.joined())</tbody></table></div></section>
      """
  }

  /// Accuracy of each class, where there are few enough of them to stand beside each other.
  var classes: Markup {
    let count = report.float.classAccuracy.count
    guard (1...Self.mostClasses).contains(count) else { return "" }
    func row(_ name: String, _ shares: [Double?]) -> Markup {
      let cells = shares.prefix(count).enumerated().map { index, share -> Markup in
        let before = report.float.classAccuracy[index]
        let lost = share.map { (before ?? 0) - $0 >= 0.2 } ?? false
        return """
          <td class="n\(lost ? " turned" : "")">\(share.map(Figure.percent) ?? "–")</td>
          """
      }.joined()
      return "<tr><td class=\"t\">\(name)</td>\(cells)</tr>"
    }
    let names = (0..<count).map { "<th class=\"n\">\($0)</th>" as Markup }.joined()
    let rows = report.deployments.map { row($0.title, $0.classAccuracy) }.joined()
    return """
      <section id="classes"><h2>Accuracy by class</h2>
      <p class="muted">In percent, on clean images. Marked: 20 points below the float model or more.</p>
      <div class="wide"><table><thead><tr><th>class</th>\(names)</tr></thead><tbody>
      \(row("float", report.float.classAccuracy))\(rows)</tbody></table></div></section>
      """
  }
}

extension DetectionReport.Finding.Level {
  fileprivate var markup: Markup {
    switch self {
    case .error: "error"
    case .warning: "warning"
    case .note: "note"
    }
  }
}
