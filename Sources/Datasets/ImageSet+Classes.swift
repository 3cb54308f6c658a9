import CupelSupport

// Classes of a data set, and those of a model.

extension ImageSet {
  /// Any classes of a model may lack images.
  ///
  /// - Parameters:
  ///   - count: classes that a model answers.
  ///   - path: of the data set, for the message.
  /// - Throws: `DatasetError` where an image has a class that the model does not answer.
  public func checkClasses(of count: Int, path: String? = nil) throws(DatasetError) {
    guard let index = outlier(count) else { return }
    let name = classNames.map { " ('\(printable($0.names[Int(labels[index])]))')" } ?? ""
    let advice =
      switch classNames?.order {
      case .folders:
        "a list of the model's classes, one name a line in the order of its outputs, says which "
          + "folder is which (\(ClassNames.fileName))"
      case .list: "the list of classes is to name the model's, in the order of its outputs"
      case nil: "labels are to count from 0 in the order of the model's outputs"
      }
    throw DatasetError(
      path: path,
      rule: "image \(index) has class \(labels[index])\(name), and the model answers the classes "
        + "0 to \(count - 1); \(advice)")
  }

  /// What a person should know of how classes were numbered before believing an accuracy, in plain
  /// sentences; mostly nothing.
  ///
  /// - Parameter count: classes that the model answers.
  public func classNotes(of count: Int) -> [String] {
    var notes: [String] = []
    let list = "a \(ClassNames.fileName) with one name a line says otherwise"
    if let names = classNames, names.order == .folders {
      if names.names.count != count {
        let own = names.names.count
        notes.append(
          "the data set has \(own) class folder\(own == 1 ? "" : "s") and the model answers "
            + "\(count) classes: accuracy assumes that the folders, sorted by name, are the "
            + "model's first classes, from 0 on; \(list)")
      }
      if names.misleads {
        notes.append(
          "class folders are sorted as text, as torchvision does, so that folder "
            + "'\(printable(names.names[names.wrong]))' is class \(names.wrong); \(list)")
      }
    } else if let own = classCount, own != count {
      notes.append(
        "the data set says that it has \(own) classes and the model answers \(count): accuracy "
          + "assumes that both number them alike")
    }
    return notes
  }
}
