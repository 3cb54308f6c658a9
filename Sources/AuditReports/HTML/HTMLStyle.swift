/// The report's style sheet: light and dark after the reader's setting, and light on paper.
package enum HTMLStyle {
  package static let sheet: Markup = """
    :root { color-scheme: light dark; \(light) }
    @media (prefers-color-scheme: dark) { :root { \(dark) } }
    @media print { :root { color-scheme: light; \(light) } }
    \(page)
    \(plots)
    \(paper)
    """

  private static let light: Markup = """
    --page: #f6f6f4; --card: #ffffff; --ink: #12120f; --soft: #55544e; --line: #d9d8d2;
    --grid: #ebeae5; --blue: #2a6fc9; --orange: #d9541e; --green: #178a5f; --grey: #8b8a83;
    --bad: #b3261e; --bad-soft: #fbe9e7; --warn: #8a5a00; --warn-soft: #fdf2dc;
    --good: #1b6e3c; --good-soft: #e6f4ea;
    """

  private static let dark: Markup = """
    --page: #161614; --card: #1f1f1c; --ink: #f4f3ee; --soft: #b9b8b0; --line: #3c3b37;
    --grid: #2c2b28; --blue: #5a9cf0; --orange: #f0814d; --green: #3cc492; --grey: #8f8e87;
    --bad: #ff8a80; --bad-soft: #3a1c1a; --warn: #f2c14e; --warn-soft: #352a12;
    --good: #6fd394; --good-soft: #15301f;
    """

  private static let page: Markup = """
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--ink);
      font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
    main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
    h1 { font-size: 22px; margin: 0; overflow-wrap: anywhere; }
    h2 { font-size: 18px; margin: 36px 0 6px; }
    h3 { font-size: 15px; margin: 18px 0 4px; }
    p { margin: 6px 0; max-width: 78ch; }
    code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
      font-size: 13px; overflow-wrap: anywhere; }
    pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
      padding: 10px 12px; white-space: pre-wrap; }
    .muted, figcaption { color: var(--soft); font-size: 13.5px; }
    .verdict { border-radius: 10px; padding: 16px 20px; margin: 16px 0; border: 1px solid; }
    .verdict .name { font-size: 26px; font-weight: 650; line-height: 1.25; }
    .verdict.bad { background: var(--bad-soft); border-color: var(--bad); }
    .verdict.bad .name { color: var(--bad); }
    .verdict.warn { background: var(--warn-soft); border-color: var(--warn); }
    .verdict.warn .name { color: var(--warn); }
    .verdict.good { background: var(--good-soft); border-color: var(--good); }
    .verdict.good .name { color: var(--good); }
    .tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 14px 0; }
    .tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
      padding: 10px 14px; min-width: 130px; }
    .tile b { display: block; font-size: 20px; font-weight: 600; overflow-wrap: anywhere; }
    .tile span { color: var(--soft); font-size: 13px; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; background: var(--card); font-size: 14px; margin: 8px 0;
      font-variant-numeric: tabular-nums; }
    th, td { padding: 5px 11px; border-bottom: 1px solid var(--line); text-align: left;
      vertical-align: top; }
    th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
    td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
    td.n small { color: var(--soft); font-size: 12.5px; }
    td.t { overflow-wrap: anywhere; min-width: 14ch; }
    tr.found td { background: var(--bad-soft); }
    .level { display: inline-block; border-radius: 4px; padding: 0 7px; font-size: 12.5px;
      font-weight: 600; border: 1px solid; }
    .level.error { color: var(--bad); } .level.warning { color: var(--warn); }
    .level.note { color: var(--soft); }
    .findings { list-style: none; padding: 0; }
    .findings li { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
      padding: 10px 14px; margin: 8px 0; overflow-wrap: anywhere; }
    figure { margin: 10px 0; }
    .grid-of { display: flex; flex-wrap: wrap; gap: 12px; }
    .panel { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
      padding: 8px; width: fit-content; max-width: 100%; }
    .panel svg { display: block; max-width: 100%; height: auto; }
    img { image-rendering: pixelated; display: block; outline: 1px solid var(--line); }
    .shots { display: flex; flex-wrap: wrap; gap: 8px; }
    .shot { font-size: 12.5px; text-align: center; color: var(--soft); }
    .answers { font-size: 13px; margin: 6px 0 0; border: 0; }
    .answers td, .answers th { padding: 1px 8px 1px 0; border: 0; }
    .turned { color: var(--bad); font-weight: 650; }
    .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft);
      margin: 6px 0; align-items: center; }
    .legend svg { vertical-align: -2px; margin-right: 5px; }
    .scale { display: inline-flex; gap: 6px; align-items: center; font-size: 13px;
      color: var(--soft); }
    .scale .bar img { height: 12px; width: 160px; }
    """

  private static let plots: Markup = """
    svg text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
      fill: var(--soft); }
    svg text.title { fill: var(--ink); font-weight: 600; font-size: 12.5px; }
    .grid { stroke: var(--grid); } .axis { stroke: var(--soft); }
    .zero { stroke: var(--soft); stroke-dasharray: 2 3; }
    .even { stroke: var(--orange); stroke-width: 1.5; stroke-dasharray: 5 3; }
    .bar { fill: var(--blue); }
    .step { fill-opacity: 0.13; stroke-width: 1.8; stroke-linejoin: round; }
    .s-clean { fill: var(--blue); stroke: var(--blue); }
    .s-triggered { fill: var(--orange); stroke: var(--orange); }
    .s-ensemble { fill: none; stroke: var(--green); stroke-dasharray: 5 3; }
    .m-clean { fill: var(--grey); fill-opacity: 0.55; }
    .m-target { fill: var(--blue); fill-opacity: 0.8; }
    .m-triggered { fill: var(--orange); fill-opacity: 0.3; stroke: var(--orange);
      stroke-width: 1; }
    svg text.group { font-size: 15px; font-weight: 700; fill: var(--ink); paint-order: stroke;
      stroke: var(--card); stroke-width: 3.5px; }
    .bound { stroke: var(--grey); stroke-dasharray: 4 3; }
    .whisker { stroke-width: 2; } .whisker.i-found { stroke: var(--bad); }
    .whisker.i-plain { stroke: var(--blue); }
    .dot.i-found { fill: var(--bad); } .dot.i-plain { fill: var(--blue); }
    .cell { fill: var(--grid); fill-opacity: 0.6; }
    .c-same { fill: var(--blue); } .c-other { fill: var(--orange); }
    svg text.n-on { fill: var(--card); font-weight: 600; } svg text.n-off { fill: var(--ink); }
    """

  private static let paper: Markup = """
    @media print {
      body { background: #fff; font-size: 11pt; }
      main { max-width: none; padding: 0; }
      .wide { overflow: visible; } table { font-size: 8.5pt; } td, th { padding: 3px 6px; }
      th, td.n { white-space: normal; } .panel { padding: 4px; }
      .panel, .findings li, tr, .verdict { break-inside: avoid; }
      h2, h3, p.muted, .legend { break-after: avoid; }
      * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }
    """
}
