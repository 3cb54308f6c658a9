import CupelAudit
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelQuantization
import CupelSupport
import CupelTriggers
import Foundation
import TestSupport
import Testing

@Suite struct CatalogueTests {
  /// The catalogues that ship with Cupel say only what Cupel understands. Files in `more` are there only
  /// where somebody made them.
  @Test func ourSpecimensAreUnderstood() throws {
    let (own, more) = (try catalogue(""), try catalogue("more/"))
    #expect(!own.specimens.isEmpty)
    let names = (own.specimens + more.specimens).map(\.name)
    #expect(Set(names).count == names.count)
    for specimen in own.specimens {
      try check(specimen)
      try checkFile(specimen.file, sha256: specimen.sha256)
      #expect(own.specimen(sha256: specimen.sha256)?.name == specimen.name)
    }
    for specimen in more.specimens {
      try check(specimen)
      if FileManager.default.fileExists(atPath: path("more/" + specimen.file)) {
        try checkFile("more/" + specimen.file, sha256: specimen.sha256)
      }
    }
    #expect(own.specimen(sha256: String(repeating: "0", count: 64)) == nil)
  }

  /// What everyone who clones Cupel has to carry.
  @Test func modelsStaySmall() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: path("")).filter {
      $0 != "more"
    }
    #expect(files.count > 20)
    let sizes = try files.map { try InputFile.read(path($0), limit: 2 << 20).count }
    #expect(sizes.reduce(0, +) <= 24 << 20)
  }

  private func catalogue(_ part: String) throws -> Catalogue {
    try Catalogue(path: path(part + "catalogue.json"))
  }

  private func path(_ file: String) -> String {
    Repository.models.appendingPathComponent(file).path
  }

  private func checkFile(_ file: String, sha256: String) throws {
    #expect(SHA256.hex(try InputFile.read(path(file), limit: 2 << 20)) == sha256, "\(file)")
  }

  private func check(_ specimen: Catalogue.Specimen) throws {
    try specimen.preprocessing.check(channels: specimen.dataset == "cifar-10" ? 3 : 1)
    #expect(specimen.classes == 10)
    if specimen.attack == "none" {
      #expect(specimen.trigger == nil && specimen.targetClass == nil && specimen.scheme == nil)
    } else {
      #expect(specimen.trigger != nil || specimen.scheme != nil)
    }
    if let trigger = specimen.trigger {
      #expect(try Trigger(trigger).description == trigger)
      #expect((0..<specimen.classes).contains(try #require(specimen.targetClass)))
    }
    if let scheme = specimen.scheme { _ = try Scheme(scheme) }
    #expect(specimen.samples?.allSatisfy { (0..<10_000).contains($0.image) } ?? true)
  }

  /// Beside a hostile toolchain's float form lies the integer model that it handed on.
  @Test func integerModelsAreTheCatalogues() throws {
    struct Listed: Decodable {
      var specimens: [Specimen]
      struct Specimen: Decodable {
        var integer: File?
      }
      struct File: Decodable {
        var file: String
        var sha256: String
      }
    }
    let content = try Data(contentsOf: URL(fileURLWithPath: path("catalogue.json")))
    let files = try JSONDecoder().decode(Listed.self, from: content).specimens
      .compactMap(\.integer)
    #expect(!files.isEmpty)
    for listed in files { try checkFile(listed.file, sha256: listed.sha256) }
  }

  /// Writes a catalogue into a folder of its own and reads it there.
  private func read(_ content: [UInt8]?) throws -> Catalogue {
    let folder = try TemporaryFolder()
    if let content { try folder.write(content, to: "catalogue.json") }
    return try Catalogue(path: folder.path("catalogue.json"))
  }

  private func read(_ text: String) throws -> Catalogue { try read(Array(text.utf8)) }

  private static let specimen = """
    "name": "a", "file": "a.onnx", "sha256": "00", "architecture": "resnet8", "dataset": "d", \
    "preprocessing": {"mean": [0.5], "std": [0.25]}, "classes": 10, "attack": "none"
    """

  /// Who names a catalogue wants it read.
  @Test func aMissingCatalogueIsAnError() throws {
    let error = #expect(throws: FileError.self) { try read([UInt8]?.none) }
    #expect(error?.isMissing == true)
  }

  @Test func itsDigestIsTold() throws {
    let text = "{\"version\": 1, \"specimens\": []}"
    #expect(try read(text).sha256 == SHA256.hex(Array(text.utf8)))
  }

  @Test func whatIsNotSaidIsNil() throws {
    let catalogue = try read(
      "{\"version\": 1, \"specimens\": [{\(Self.specimen)}], \"later\": true}")
    let specimen = catalogue.specimens[0]
    #expect(specimen.trigger == nil && specimen.targetClass == nil && specimen.scheme == nil)
    #expect(specimen.preprocessing.mean == [0.5])
  }

  /// A catalogue with these specimens.
  private static func document(_ specimens: String...) -> String {
    "{\"version\": 1, \"specimens\": [\(specimens.joined(separator: ", "))]}"
  }

  private static let malformed: [(text: String, rule: String)] = [
    ("", "not valid JSON"),
    ("{", "not valid JSON"),
    ("[]", "array"),
    ("null", "null"),
    ("{\"version\": 1}", "'specimens' is missing"),
    ("{\"specimens\": []}", "'version' is missing"),
    ("{\"version\": 2, \"specimens\": []}", "its version is 2; 1 is understood"),
    (document("{}"), "at specimens.0: '"),
    (document("{\(specimen)}", "{\(specimen), \"trigger\": 3}"), "at specimens.1.trigger: "),
    (document("{\(specimen), \"targetClass\": 1e99}"), "not valid JSON"),
    (document("{\(specimen), \"targetClass\": 1.5}"), "not valid JSON"),
    (document("{\(specimen), \"scheme\": \"\u{1}\"}"), "not valid JSON"),
    (document("{\(specimen), \"samples\": 3}"), "at specimens.0.samples: "),
    (document("{\(specimen), \"samples\": [{}]}"), "at specimens.0.samples.0: 'image' is missing"),
    (document("{\(specimen), \"samples\": [{\"image\": 1e99}]}"), "not valid JSON"),
  ]

  @Test(arguments: malformed.indices) func malformedCataloguesSayWhere(index: Int) throws {
    let (text, rule) = Self.malformed[index]
    let error = #expect(throws: AuditError.self) { try read(text) }
    guard case .catalogue(let path, let broken) = error else { return }
    #expect(path.hasSuffix("/catalogue.json"))
    #expect(broken.contains(rule))
    #expect(error?.description == "catalogue '\(path)': \(broken)")
  }

  @Test func depthHasALimit() {
    #expect(throws: AuditError.self) { try read(String(repeating: "[", count: 100_000)) }
    let nested = String(repeating: "{\"specimens\":", count: 100_000)
    #expect(throws: AuditError.self) { try read(nested) }
  }

  @Test func bytesThatAreNoTextAreAnError() {
    #expect(throws: AuditError.self) { try read([0xFF, 0xFE, 0x00, 0x80]) }
  }

  @Test func aCatalogueWithoutAnEndIsNotRead() {
    #expect(throws: FileError.self) {
      try read([UInt8](repeating: UInt8(ascii: " "), count: 20 << 20))
    }
  }
}
