import Cupel
import Testing

/// How defences are named.
@Suite struct DefenceTests {
  @Test func everyNameIsReadAsItIsWritten() throws {
    for name in Defence.names + ["efrap:adam", "lac:adam", "lac-pda:adam"] {
      #expect(try Defence(name).name == name)
    }
    #expect(try Defence("lac:fast") == .rounding(.lac, .fast))
  }

  @Test(arguments: ["", "magic", "auto:adam", "qvec:adam", "lac:slow", "fp-pda", "efrap:adam:adam"])
  func otherNamesAreRefused(_ name: String) {
    #expect {
      try Defence(name)
    } throws: { error in
      let error = error as? CupelError
      return error?.kind == .usage && error?.message.contains("'\(name)'") == true
    }
  }
}
