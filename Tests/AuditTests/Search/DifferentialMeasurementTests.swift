import CupelAudit
import Testing

@Suite struct DifferentialMeasurementTests {
  /// Six images of three classes, by hand. For class 2 the images with float answer 2 (the last two) do
  /// not count. Of the other four: the first is answered 2 with the float answer kept; the second too,
  /// but the float answer changed; the third was answered 2 before; the fourth not at all.
  private let measurement = DifferentialMeasurement(
    classCount: 3, floatClean: [0, 0, 1, 1, 2, 2], floatTriggered: [0, 2, 1, 1, 2, 0],
    integerClean: [0, 0, 2, 1, 2, 2], integerTriggered: [2, 2, 2, 1, 2, 2])

  @Test func sharesByHand() {
    // Two of four (first and third) triggered, one of four (third) untriggered.
    #expect(measurement.differentialASR(2).value == 0.25)
    #expect(measurement.floatASR(2).value == 0.25)
    #expect(measurement.integerASR(2).value == 0.75)
    #expect(measurement.floatASR(2).trials == 4)
  }

  @Test func otherClasses() {
    // Class 0: counted are images 2 to 5; nothing is answered 0 by the integer model.
    #expect(measurement.differentialASR(0).value == 0)
    #expect(measurement.floatASR(0).value == 0.25)
    #expect(measurement.target == 2)
  }

  @Test func theLowestOfEqualsIsTheTarget() {
    let none = DifferentialMeasurement(
      classCount: 3, floatClean: [0, 1], floatTriggered: [0, 1], integerClean: [0, 1],
      integerTriggered: [0, 1])
    #expect(none.target == 0)
    #expect(none.differentialASR(0).value == 0)
  }
}
