/// What kinds of triggers a search can look for, cheapest first.
public enum TriggerFamily: String, Sendable, CaseIterable {
  /// A mask and a pattern, every pixel free: patches of any place, size and shape.
  case patch
  /// A pattern added to every image, of low norm.
  case additive
  /// One image blended into every image.
  case blend
  /// A smooth displacement of pixels.
  case warp
}
