import CupelIntegerBuilder
import Testing

@Suite("Orders of axes and elements")
struct ChannelOrderTests {
  @Test("axes of images and of features")
  func axes() {
    #expect(ChannelOrder.last([7, 8, 9]) == [8, 9, 7])
    #expect(ChannelOrder.last([7]) == [1, 1, 7])
    #expect(ChannelOrder.last([7], absent: 0) == [0, 0, 7])
    #expect(ChannelOrder.first([8, 9, 7]) == [7, 8, 9])
    for axis in 0..<3 {
      let place = ChannelOrder.last(axis: axis, rank: 3)
      #expect(ChannelOrder.last([0, 1, 2])[place] == axis)
      #expect(ChannelOrder.first(axis: place) == axis)
    }
    #expect(ChannelOrder.last(axis: 0, rank: 1) == 2)
  }

  @Test("blocks are transposed, each by itself")
  func blocks() {
    let turn = Transposition(rows: 2, columns: 3)
    let values = [11, 12, 13, 21, 22, 23] + [31, 32, 33, 41, 42, 43]
    let turned = [11, 21, 12, 22, 13, 23] + [31, 41, 32, 42, 33, 43]
    #expect(turn(values) == turned)
    #expect(Transposition(rows: 3, columns: 2)(turned) == values)
    for (index, value) in values.enumerated() { #expect(turned[turn.place(of: index)] == value) }
  }

  @Test("nothing is turned to nothing")
  func empty() {
    #expect(Transposition(rows: 0, columns: 3)([Int]()).isEmpty)
    #expect(Transposition(rows: 2, columns: 3)([Int]()).isEmpty)
  }
}
