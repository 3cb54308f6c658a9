import CupelDatasets
import Foundation

/// Reads paths of folders, one a line, and writes what Cupel reads there: a line
/// `ok COUNT CHANNELS HEIGHT WIDTH NOTES` and the pixels, [count][channels][height][width], or a
/// line `error` with the message. For `tools/peers/images.py`.
@main
enum Main {
  static func main() {
    while let folder = readLine() {
      do {
        let images = try UnlabelledImages.load(path: folder, split: .test)
        let extents = [images.count, images.channels, images.height, images.width]
        let notes = images.notes.map { "\($0.reason.rawValue)=\($0.count)" }
        write(
          "ok \(extents.map(String.init).joined(separator: " ")) \(notes.joined(separator: ","))\n")
        FileHandle.standardOutput.write(Data(images.pixels))
      } catch {
        write("error \(error)\n")
      }
    }
  }

  private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
