import CupelModelImport
import Testing

/// Files that people have in place of a model are told by name.
@Suite struct MistakenFileTests {
  static let cases: [(bytes: [UInt8], text: String)] = [
    (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "git lfs pull"),
    (Array("\n<!DOCTYPE html><html></html>".utf8), "web page"),
    (Array("\u{FEFF}<HTML>".utf8), "web page"),
    ([0x50, 0x4B, 3, 4, 20, 0], "zip archive"),
    ([0x1F, 0x8B, 8, 0], "compressed"),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "HDF5"),
    ([0x80, 2, 0x7D, 0x71, 0], "pickle"),
  ]

  @Test(arguments: cases)
  func isToldByName(_ bytes: [UInt8], _ text: String) {
    let error = #expect(throws: ImportError.self) { try ModelImporter.load(bytes: bytes) }
    #expect(error?.description.contains(text) == true)
  }
}
