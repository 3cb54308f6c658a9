import CupelAudit
import CupelTriggers

/// The exhibits as figures.
struct HTMLFigures {
  let exhibits: Exhibits

  /// Small plots of a kind that are shown, worst first.
  private static let mostDrifts = 9
  private static let mostHistograms = 12

  private func section(_ name: Markup, _ title: String, _ about: String, _ body: Markup) -> Markup {
    """
    <section id="\(name)"><h2>\(title)</h2>
    <p class="muted">\(about)</p>
    <figure>\(body)</figure></section>
    """
  }

  /// Panels beside each other.
  private func grid(_ panels: [Markup]) -> Markup {
    "<div class=\"grid-of\">\(panels.joined())</div>"
  }

  private func panel(_ content: Markup) -> Markup { "<div class=\"panel\">\(content)</div>" }

  /// A picture with its name under it.
  private func shot(
    _ picture: Picture, _ name: String, side: Int = 112, seen: String? = nil
  ) throws -> Markup {
    "\(try picture.markup(side: side, name: seen ?? name))<div>\(name)</div>"
  }

  // MARK: - Trigger

  var trigger: Markup {
    get throws {
      guard let trigger = exhibits.trigger else { return "" }
      let target = exhibits.targetClass.map { ", which calls class \($0)" } ?? ""
      let shots = try TriggerPictures.panels(trigger).map { panel -> Markup in
        "<div class=\"panel shot\">\(try shot(panel.picture, panel.name, side: 168))</div>"
      }
      return section(
        "trigger", "The reconstructed trigger",
        "A trigger of the kind “\(trigger.kind.rawValue)” on \(trigger.height) × \(trigger.width) pixels\(target) "
          + "under \(exhibits.scheme). It is what the search came to, not what the attacker drew: it need "
          + "only have the same effect.", grid(shots))
    }
  }

  var samples: Markup {
    get throws {
      guard !exhibits.samples.isEmpty else { return "" }
      return section(
        "samples", "Held-out images without and with the trigger",
        "Left as it is, right with the trigger. Marked: an answer that the trigger changes.",
        grid(try exhibits.samples.map(panel)))
    }
  }

  private func panel(_ sample: Exhibits.Sample) throws -> Markup {
    func shot(_ pixels: [UInt8], _ name: String) throws -> Markup {
      "<div class=\"shot\">\(try self.shot(Picture(pixels, sample.shape), name))</div>"
    }
    func row(_ model: String, _ clean: Int, _ triggered: Int) -> Markup {
      let turned: Markup = clean == triggered ? "" : " class=\"turned\""
      return "<tr><th>\(model)</th><td>\(clean) → <span\(turned)>\(triggered)</span></td></tr>"
    }
    return """
      <div class="panel"><div class="shots">\(try shot(sample.clean, "clean"))\
      \(try shot(sample.triggered, "triggered"))</div>
      <table class="answers"><tbody>\
      \(row("float", sample.floatClean, sample.floatTriggered))\
      \(row("integer", sample.integerClean, sample.integerTriggered))</tbody></table></div>
      """
  }

  // MARK: - Answers and neurons

  var confusion: Markup {
    guard let confusion = exhibits.confusion else { return "" }
    let matrices = [("clean images", confusion.clean), ("with the trigger", confusion.triggered)]
    let panels = matrices.filter { !$0.1.isEmpty }.map { name, counts -> Markup in
      let images = counts.reduce(0) { $0 + $1.reduce(0, +) }
      return panel(
        ConfusionPlot.matrix(counts, title: "\(images) \(name)", target: exhibits.targetClass))
    }
    return section(
      "confusion", "Float answers against integer answers",
      "Images by the answer of the float model (row) and of the integer model under \(exhibits.scheme) "
        + "(column). Rounding alone leaves them on the diagonal; a woken backdoor draws them into one column.",
      """
      \(grid(panels))
      <div class="legend"><span><svg width="12" height="12"><rect class="c-same" width="12" \
      height="12"/></svg>same answer</span><span><svg width="12" height="12"><rect class="c-other" \
      width="12" height="12"/></svg>another answer</span><span>the fuller the colour, the larger the \
      share of its row</span></div>
      """)
  }

  var drifts: Markup {
    guard !exhibits.drifts.isEmpty else { return "" }
    let panels = exhibits.drifts.prefix(Self.mostDrifts).map { panel(HistogramPlots.drift($0)) }
    let keys: [(Markup, String)] = [
      ("s-clean", "clean images"), ("s-triggered", "with the trigger"),
      ("s-ensemble", "with the trigger, stochastic roundings of the same weights"),
    ]
    let legend = keys.map { style, name -> Markup in
      """
      <span><svg width="22" height="12"><rect class="step \(style)" x="1" y="1" width="20" \
      height="10"/></svg>\(name)</span>
      """
    }.joined()
    return section(
      "drift", "Neurons that rounding moves most",
      "How far the mean activation of a channel moves between the float and the integer model, an image "
        + "each, in standard deviations of the float activation. Honest rounding errors scatter about zero "
        + "and do not know of the trigger.",
      "<div class=\"legend\">\(legend)</div>\(grid(panels))")
  }

  // MARK: - Looks inside

  var attention: Markup {
    get throws {
      guard !exhibits.attention.isEmpty else { return "" }
      let panels = try exhibits.attention.map { attention -> Markup in
        let picture = Picture(attention.pixels, attention.shape)
        let shots =
          try [shot(picture, "triggered image")]
          + attention.maps.map { map in
            let heat = Picture(
              map.heat, height: attention.shape.height, width: attention.shape.width)
            let name = "\(map.model): \(map.answer)"
            return try shot(picture.under(heat), name, seen: "Grad-CAM, \(name)")
          }
        let framed = shots.map { "<div class=\"shot\">\($0)</div>" as Markup }
        return panel("<div class=\"shots\">\(framed.joined())</div>")
      }
      return section(
        "attention", "Where the models look (Grad-CAM)",
        "The places of a triggered image that speak for each model’s own answer, given under it. A woken "
          + "backdoor looks at the trigger; a purified model looks where the float model does. A map without "
          + "colour: nothing in the last feature map speaks for the answer.",
        "<div class=\"legend\">\(try HeatScale.legend())</div>\(grid(panels))")
    }
  }

  var embeddings: Markup {
    guard !exhibits.embeddings.isEmpty else { return "" }
    let panels = exhibits.embeddings.map {
      panel(ScatterPlot.embedding($0, target: exhibits.targetClass))
    }
    let targetKey: Markup =
      exhibits.targetClass.map {
        """
        <span><svg width="12" height="12"><circle class="m-target" cx="6" cy="6" r="4"/></svg>\
        clean, class \($0) (the target)</span>
        """
      } ?? ""
    return section(
      "embedding", "Features before the classifier (t-SNE)",
      "A mark an image; numbers name the classes. Where the backdoor is awake, triggered images leave their "
        + "classes for a place of their own or the target’s; purified, they go back. Distances between far "
        + "groups mean nothing.",
      """
      <div class="legend"><span><svg width="12" height="12"><circle class="m-clean" cx="6" cy="6" \
      r="4"/></svg>clean</span>\(targetKey)<span><svg width="12" height="12"><path class="m-triggered" \
      d="M6 1L11 10H1Z"/></svg>with the trigger, other classes</span></div>
      \(grid(panels))
      """)
  }

  var cells: Markup {
    guard !exhibits.cells.isEmpty else { return "" }
    let ranked = exhibits.cells.enumerated().sorted {
      (-HistogramPlots.unevenness($0.element), $0.offset)
        < (-HistogramPlots.unevenness($1.element), $1.offset)
    }.prefix(Self.mostHistograms).map(\.offset).sorted()
    let panels = ranked.map { panel(HistogramPlots.cells(exhibits.cells[$0])) }
    let note = HTMLTables.note(
      exhibits.cells.count - panels.count,
      "layers whose weights are spread more evenly are left out.")
    return section(
      "cells", "Where the weights lie in their rounding cells",
      "Distance of each weight from the integer that it is rounded to, under \(exhibits.scheme). Ordinary "
        + "weights are spread evenly, or gather at zero where cells are wide; attacks push them to the borders.",
      """
      <div class="legend"><span><svg width="12" height="12"><rect class="bar" width="12" \
      height="12"/></svg>weights of the layer</span><span><svg width="24" height="12"><line class="even" \
      x1="0" x2="24" y1="6" y2="6"/></svg>spread evenly</span></div>
      \(grid(panels))\(note)
      """)
  }
}
