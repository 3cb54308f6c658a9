import CupelDatasets
import CupelFloatGraph
import CupelIntegerOperators
import CupelModelWriter

// Models whose input holds an image in another form than height × width × channels: [1, 28, 28],
// [1, 784], or with the channels first. Such a model gets an input of the images' own shape, and an
// operation that brings it to the form that the model reads.

extension FloatModel {
  /// The model on images of a shape: itself where it takes them, or where nothing makes them fit.
  ///
  /// Only images of one channel are flattened: of several, nobody tells in which order the
  /// model has them.
  ///
  /// - Parameter shape: of the images.
  package func reading(imagesOf shape: ImageShape) -> FloatModel {
    let own = graph.values[graph.input]
    let isRow = imageShape.map { $0.channels == 1 && $0 != shape } ?? true
    guard shape.channels == 1, isRow, own.elementCount == shape.extents.reduce(1, *)
    else { return self }
    var graph = graph
    let name = own.name
    graph.values.append(.init(name: name, shape: shape.extents))
    graph.nodes.insert(
      .init(
        name: name + "/reshape", operation: .reshape, inputs: [graph.values.count - 1],
        output: graph.input), at: 0)
    graph.input = graph.values.count - 1
    return FloatModel(self, graph: graph)
  }
}

extension IntegerModel {
  /// The model on images of a shape: itself where it takes them, or where nothing makes them fit.
  ///
  /// - Parameters:
  ///   - shape: of the images.
  ///   - site: whose kernels are to run.
  /// - Throws: `CupelError` where the changed model cannot be run.
  package func reading(imagesOf shape: ImageShape, site: ExecutionSite) throws -> IntegerModel {
    var program = program
    guard program.read(imagesOf: shape) else { return self }
    let bytes = try CupelError.naming(path) { try CupelWriter.bytes(of: program) }
    return try IntegerModel(
      path: path, bytes: bytes, vendor: vendor ?? Origin(bytes: engine.fileBytes, sha256: sha256),
      profile: engine.profile, site: site)
  }
}

extension IntegerProgram {
  /// Puts an input of images' shape before the program's own.
  ///
  /// - Parameter shape: of the images.
  /// - Returns: whether the input holds such images in another form than its own.
  fileprivate mutating func read(imagesOf shape: ImageShape) -> Bool {
    let own = tensors[input]
    let image = [shape.height, shape.width, shape.channels]
    let extent = [own.height, own.width, own.channels]
    let kind: IntegerOperation.Kind
    if image == extent {
      return false
    } else if shape.channels == 1, extent.reduce(1, *) == image.reduce(1, *) {
      kind = .reshape(.init())
    } else if extent == shape.extents {
      kind = .transpose(.init(axes: Axes(2, 0, 1)))
    } else {
      return false
    }
    var tensor = own
    (tensor.height, tensor.width, tensor.channels) = (image[0], image[1], image[2])
    tensor.name += "/image"
    tensors.append(tensor)
    operations.insert(
      IntegerOperation(
        name: tensor.name, kind: kind, inputs: [tensors.count - 1], output: input), at: 0)
    input = tensors.count - 1
    return true
  }
}

extension AuditSubject {
  /// The subject with models that read images of a shape, as far as they can.
  ///
  /// - Parameter shape: of the images.
  func reading(imagesOf shape: ImageShape) throws -> AuditSubject {
    var result = self
    result.float = float?.reading(imagesOf: shape)
    result.integers = try integers.map { try $0.reading(imagesOf: shape, site: site) }
    return result
  }
}
