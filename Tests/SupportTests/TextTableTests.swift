import CupelSupport
import Testing

@Suite struct TextTableTests {
  @Test func columnsAreAlignedUnderTheirHeaders() {
    var table = TextTable([("name", .left), ("share", .right), ("note", .left)])
    table.add(["a", "5.0 %", "short"])
    table.add(["longer name", "100.0 %", "x"])
    #expect(
      table.text == """
        name           share  note
        ───────────  ───────  ─────
        a              5.0 %  short
        longer name  100.0 %  x
        """)
  }

  @Test func missingCellsAreEmptyAndSurplusOnesDropped() {
    var table = TextTable([("a", .right), ("b", .left)])
    table.add(["1"])
    table.add([])
    table.add(["22", "x", "surplus and wide"])
    #expect(table.text == " a  b\n──  ─\n 1\n\n22  x")
  }

  @Test func gapsAreEmptyLines() {
    var table = TextTable([("a", .left)])
    table.add(["1"])
    table.addGap()
    table.add(["2"])
    #expect(table.text == "a\n─\n1\n\n2")
  }

  @Test func aHeaderMayBeTheWidestCell() {
    var table = TextTable([("header", .right), ("z", .right)])
    table.add(["1", "2"])
    #expect(table.text == "header  z\n──────  ─\n     1  2")
  }

  @Test func aTableWithoutRowsIsItsHeader() {
    #expect(TextTable([("a", .left), ("bc", .right)]).text == "a  bc\n─  ──")
  }

  /// Widths count characters, not bytes.
  @Test func charactersBeyondASCIITakeOnePlace() {
    var table = TextTable([("ΔASR", .right), ("x", .left)])
    table.add(["−5", "é"])
    #expect(table.text == "ΔASR  x\n────  ─\n  −5  é")
  }
}
