import CupelModelFormat
import Testing

/// Against the standard library's own validation.
@Suite struct UTF8Tests {
  private func accepts(_ bytes: [UInt8], controls: Bool = true) -> Bool {
    bytes.withUnsafeBytes { isUTF8($0, allowingControls: controls) }
  }

  private func expected(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
  }

  @Test func everyOneAndTwoByteSequence() {
    for first in UInt8.min...UInt8.max {
      #expect(accepts([first]) == expected([first]))
      for second in UInt8.min...UInt8.max {
        let bytes = [first, second]
        #expect(accepts(bytes) == expected(bytes), "\(bytes)")
      }
    }
  }

  /// Every lead with the bytes on either side of each limit of table 3-7.
  @Test func threeAndFourByteSequences() {
    let edges: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    var mismatches = 0
    for first in UInt8(0xC0)...0xFF {
      for second in edges + [0x8E, 0x91, 0xA1, 0xAF] {
        for third in edges {
          let three = [first, second, third]
          if accepts(three) != expected(three) { mismatches += 1 }
          for fourth in edges {
            let four = three + [fourth]
            if accepts(four) != expected(four) { mismatches += 1 }
          }
        }
      }
    }
    #expect(mismatches == 0)
  }

  @Test func everyScalarAndItsControls() {
    var mismatches = 0
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let bytes = Array(String(scalar).utf8)
      let isControl = value < 0x20 || (0x7F...0x9F).contains(value)
      if !accepts(bytes) || accepts(bytes, controls: false) == isControl { mismatches += 1 }
    }
    #expect(mismatches == 0)
  }
}
