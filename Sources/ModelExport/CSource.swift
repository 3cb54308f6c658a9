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
  ///   - name: any text, such as a file's name; `identifier(for:)` makes the array's name of it.
  public init(model: ModelView, file: [UInt8], arenaBytes: Int, name: String) {
    let name = Self.identifier(for: name)
    let macro = name.uppercased()
    let indices = 0..<model.tensorCount
    // Of several, each has its number among them behind the word.
    func all(_ word: String, _ ends: [Int]) -> [(String, String)] {
      ends.enumerated().flatMap { place, index in
        numbers(ends.count == 1 ? word : "\(word)_\(place)", model.tensor(index))
      }
    }
    func numbers(_ prefix: String, _ tensor: TensorView) -> [(String, String)] {
      [
        ("\(prefix)_HEIGHT", "\(tensor.height)"), ("\(prefix)_WIDTH", "\(tensor.width)"),
        ("\(prefix)_CHANNELS", "\(tensor.channels)"),
        // In parentheses, since a negative number is an expression.
        ("\(prefix)_ZERO_POINT", "(\(tensor.zeroPoint))"),
        ("\(prefix)_SCALE_BITS", "0x" + Self.hexadecimal(tensor.scaleBits) + "u"),
      ] + (tensor.isWide ? [("\(prefix)_BITS", "16")] : [])
    }
    // None ends another, so that the constants of `a` and `a_input` differ.
    let constants =
      [
        ("FILE_SIZE", "\(file.count)"), ("ALIGNMENT", "16"), ("ARENA_SIZE", "\(arenaBytes)"),
      ] + all("INPUT", indices.filter(model.isInput))
      + all("OUTPUT", indices.filter(model.isOutput))
    let defines = constants.map { "#define \(macro)_\($0.0) \($0.1)" }
    header = """
      /* Written by Cupel. Scales are float32, given by their bits; images are int8, or int16 where
         16 bits are stated, [height][width][channels], on the input's grid: real = scale * (value - zero point). Of several inputs,
         or outputs, all stand one after another, as they are numbered here. The arena needs
         \(macro)_ARENA_SIZE bytes at an address divisible by \(macro)_ALIGNMENT. */
      #ifndef \(macro)_H
      #define \(macro)_H

      \(defines.joined(separator: "\n"))

      #ifdef __cplusplus
      extern "C" {
      #endif
      /* A .cupel file. */
      extern const unsigned char \(name)[\(macro)_FILE_SIZE];
      #ifdef __cplusplus
      }
      #endif

      #endif

      """
    implementation = """
      /* Written by Cupel: a .cupel file. */
      #ifdef __cplusplus
      extern "C"
      #else
      extern
      #endif
      const unsigned char \(name)[\(file.count)];

      __attribute__((aligned(16)))
      const unsigned char \(name)[\(file.count)] = {
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

  /// The array's name, which in capitals begins the names of the header's constants:
  /// `cupel_model_` and what C allows of `name`.
  ///
  /// The prefix keeps it away from keywords, from the names of C's and C++'s libraries and from
  /// Cupel's own kernels. Letters of other alphabets are written by their code points, so that
  /// `ä` and `ö` differ; anything else becomes one underscore, since two in a row are reserved in
  /// C++. Names that differ in nothing else, or in case alone, cannot stand in one program.
  public static func identifier(for name: String) -> String {
    var words = ["cupel", "model", ""]
    for scalar in name.unicodeScalars {
      if scalar.isASCII {
        let isAllowed = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        if isAllowed {
          words[words.count - 1].unicodeScalars.append(scalar)
        } else {
          words.append("")
        }
      } else {
        words.append("u" + String(scalar.value, radix: 16, uppercase: true))
        words.append("")
      }
    }
    return words.filter { !$0.isEmpty }.joined(separator: "_")
  }
}
