import ArgumentParser
import Cupel

/// Where facts of a float model are looked up that the command line does not give: where the user
/// says, and never beside a model, since whoever made the model could have put them there.
struct CatalogueOptions: ParsableArguments {
  @Option(
    name: .customLong("catalogue"),
    help: ArgumentHelp(
      "A JSON list of float models by SHA-256, such as models/catalogue.json here: it tells what "
        + "becomes of their pixels, their data set, trigger and scheme. Without it none is read.",
      valueName: "file"))
  var path: String?

  /// nil where none is named.
  func read() throws -> Catalogue? { try path.map { try Catalogue(path: $0) } }

  /// What is read, which no output may replace.
  var inputs: [String] { path.map { [$0] } ?? [] }
}
