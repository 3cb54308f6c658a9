import CupelSupport

/// Names of classes in the order of their numbers, from 0.
public struct ClassNames: Sendable, Equatable {
  /// What decides the order.
  public enum Order: Sendable {
    /// The names of class folders, sorted as text by their bytes, as torchvision's `ImageFolder`
    /// does: `10` comes before `2`.
    case folders
    /// A list of names, one a line.
    case list
  }

  /// Each once.
  public let names: [String]
  /// What decided it.
  public let order: Order
  private let numbers: [String: Int32]

  /// A data set that is read into one machine's memory has fewer.
  static let most = 1 << 16
  /// The list that is read where it lies in a data set's folder.
  package static let fileName = "classes.txt"
  private static let largestFile = 1 << 24

  /// - Parameter folders: names of class folders, each once, in any order.
  init(folders: some Sequence<String>) {
    self.init(folders.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, .folders)
  }

  private init(_ names: [String], _ order: Order) {
    self.names = names
    self.order = order
    numbers = Dictionary(uniqueKeysWithValues: zip(names, 0..<Int32(clamping: names.count)))
  }

  /// Reads a list: UTF-8 text with one name a line, class 0 first.
  ///
  /// - Throws: `DatasetError` where the file cannot be read, is no such text, or has a name twice, an
  ///   empty line between names, no name, or more than 65,536.
  public init(path: String) throws(DatasetError) {
    let bytes = try InputFile.dataset(path, limit: Self.largestFile)
    func error(_ rule: String) -> DatasetError { DatasetError(path: path, rule: rule) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw error("it is not UTF-8 text with a class's name a line")
    }
    var lines = text.drop { $0 == "\u{FEFF}" }
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard (1...Self.most).contains(lines.count) else {
      throw error("it has \(lines.count) names of classes; 1 to \(Self.most) are possible")
    }
    var seen: [String: Int] = [:]
    for (index, name) in lines.enumerated() {
      guard !name.isEmpty else {
        throw error("line \(index + 1) is empty: each line is to name a class, class 0 first")
      }
      if let first = seen.updateValue(index, forKey: name) {
        throw error("lines \(first + 1) and \(index + 1) have the same name")
      }
    }
    self.init(lines, .list)
  }

  /// The number of a class; nil for a name that is none.
  public subscript(name: String) -> Int32? { numbers[name] }

  /// Where names are all numbers and their order as text is not that of the numbers.
  var misleads: Bool { wrong < names.count }

  /// The first class that is another one by the order of the numbers; the number of classes where
  /// there is none, or names are no numbers.
  var wrong: Int {
    let values = names.compactMap { Int($0) }
    guard order == .folders, values.count == names.count else { return names.count }
    return zip(values, values.sorted()).enumerated().first { $1.0 != $1.1 }?.offset ?? names.count
  }
}
