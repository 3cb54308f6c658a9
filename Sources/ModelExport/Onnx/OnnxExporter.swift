import ModelWriter
public struct OnnxExporter {
  public static func export(_ program: IntegerProgram) throws(ExportError) -> ExportedModel { throw .program("x") }
}
