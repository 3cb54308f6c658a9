import CupelIntegerOperators
import CupelModelFormat

/// A `.cupel` file as C: an array in read-only memory, and a header with what firmware must know to
/// give it an arena and an image.
public struct CSource: Sendable {
  /// The text of the header.
  public let header: String
  /// The text of the file that defines the array.
  public let implementation: String

  /// - Parameters:
  ///   - model: view of `file`.
  ///   - arenaBytes: tensors and scratch of one inference.
  ///   - name: becomes the array's name, with whatever C does not allow replaced.
  ///   - header: name of the header that the implementation includes.
  public init(
    model: ModelView, file: [UInt8], arenaBytes: Int, name: String, header headerName: String
  ) {
    let name = Self.identifier(name)
    let macro = name.uppercased()
    let input = model.tensor(model.input)
    let output = model.tensor(model.output)
    func numbers(_ prefix: String, _ tensor: TensorView) -> [(String, String)] {
      [
        ("\(prefix)_HEIGHT", "\(tensor.height)"), ("\(prefix)_WIDTH", "\(tensor.width)"),
        ("\(prefix)_CHANNELS", "\(tensor.channels)"),
        // In parentheses, since a negative number is an expression.
        ("\(prefix)_ZERO_POINT", "(\(tensor.zeroPoint))"),
        ("\(prefix)_SCALE_BITS", "0x" + Self.hexadecimal(tensor.scaleBits) + "u"),
      ]
    }
    let constants =
      [
        ("SIZE", "\(file.count)"), ("ALIGNMENT", "16"), ("ARENA_SIZE", "\(arenaBytes)"),
      ] + numbers("INPUT", input) + numbers("OUTPUT", output)
    let defines = constants.map { "#define \(macro)_\($0.0) \($0.1)" }
    header = """
      /* Written by Cupel. Scales are float32, given by their bits; images are int8, [height][width]
         [channels], on the input's grid: real = scale * (value - zero point). The arena needs
         \(macro)_ARENA_SIZE bytes at an address divisible by \(macro)_ALIGNMENT. */
      #ifndef \(macro)_H
      #define \(macro)_H

      \(defines.joined(separator: "\n"))

      #ifdef __cplusplus
      extern "C" {
      #endif
      /* A .cupel file. */
      extern const unsigned char \(name)[\(macro)_SIZE];
      #ifdef __cplusplus
      }
      #endif

      #endif

      """
    implementation = """
      #include "\(Self.quotable(headerName))"

      __attribute__((aligned(\(macro)_ALIGNMENT)))
      const unsigned char \(name)[\(macro)_SIZE] = {
      \(Self.rows(file))};

      """
  }

  /// Twenty bytes a line.
  private static func rows(_ bytes: [UInt8]) -> String {
    var text = ""
    text.reserveCapacity(bytes.count * 4)
    for (index, byte) in bytes.enumerated() {
      text += "\(byte),"
      if index % 20 == 19 || index == bytes.count - 1 { text += "\n" }
    }
    return text
  }

  private static func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16, uppercase: true)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// ASCII letters, digits and underscores, a letter first.
  private static func identifier(_ name: String) -> String {
    let allowed = name.unicodeScalars.map { scalar in
      scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
        ? Character(scalar) : "_"
    }
    let text = String(allowed)
    return text.first.map { $0.isLetter } == true ? text : "model_" + text
  }

  /// A file's name inside quotes.
  private static func quotable(_ name: String) -> String {
    name.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
  }
}
