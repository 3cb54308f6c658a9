/// What an attacker does to an image to call up a backdoor, on pixels before preprocessing.
///
/// Its string is the kind's name, a colon and what the kind needs; see each kind.
public enum Trigger: Sendable, Equatable, CustomStringConvertible {
  /// A rectangle that covers part of the image.
  case patch(Patch)
  /// Noise mixed into the whole image.
  case blend(Blend)
  /// A sinusoid added to the whole image.
  case sinusoid(Sinusoid)
  /// A smooth field that moves pixels.
  case warp(Warp)
  /// Blocks whose place depends on the image.
  case dynamic(Dynamic)

  /// Every kind's name, and how its parameters are read.
  private static let kinds: [(name: String, read: @Sendable (String) throws(Flaw) -> Trigger)] = [
    (Patch.name, { parameters throws(Flaw) in .patch(try Patch(parameters)) }),
    (Blend.name, { parameters throws(Flaw) in .blend(try Blend(parameters)) }),
    (Sinusoid.name, { parameters throws(Flaw) in .sinusoid(try Sinusoid(parameters)) }),
    (Warp.name, { parameters throws(Flaw) in .warp(try Warp(parameters)) }),
    (Dynamic.name, { parameters throws(Flaw) in .dynamic(try Dynamic(parameters)) }),
  ]

  /// - Throws: `TriggerError.malformed` with what is wrong and what would be right.
  public init(_ text: String) throws(TriggerError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let kind = Self.kinds.first(where: { $0.name == parts[0] }) else {
      let known = Self.kinds.map(\.name).joined(separator: ", ")
      throw .malformed(text: text, rule: "unknown kind \"\(parts[0])\"; known: \(known)")
    }
    do throws(Flaw) {
      self = try kind.read(parts.count == 2 ? String(parts[1]) : "")
    } catch {
      throw .malformed(text: text, rule: error.rule)
    }
  }

  /// The canonical string: reading it gives an equal trigger.
  public var description: String {
    switch self {
    case .patch(let patch): "\(Patch.name):\(patch.parameters)"
    case .blend(let blend): "\(Blend.name):\(blend.parameters)"
    case .sinusoid(let sinusoid): "\(Sinusoid.name):\(sinusoid.parameters)"
    case .warp(let warp): "\(Warp.name):\(warp.parameters)"
    case .dynamic(let dynamic): "\(Dynamic.name):\(dynamic.parameters)"
    }
  }

  /// Puts the trigger on every image.
  ///
  /// - Parameters:
  ///   - pixels: whole images, [N][channels][height][width].
  ///   - channels: of an image, as many planes of pixels.
  ///   - height: of an image, in pixels.
  ///   - width: of an image, in pixels.
  /// - Throws: `TriggerError.unfit` where `pixels` are not whole images or the trigger does not
  ///   go with their size. They are unchanged then.
  public func apply(
    to pixels: inout [UInt8], channels: Int, height: Int, width: Int
  ) throws(TriggerError) {
    let geometry = try ImageGeometry(channels: channels, height: height, width: width)
    try geometry.check(pixels)
    // No images are whole images of any size, whose tables could take any memory.
    guard !pixels.isEmpty else { return }
    switch self {
    case .patch(let patch): try patch.apply(to: &pixels, geometry)
    case .blend(let blend): blend.apply(to: &pixels, geometry)
    case .sinusoid(let sinusoid): sinusoid.apply(to: &pixels, geometry)
    case .warp(let warp): warp.apply(to: &pixels, geometry)
    case .dynamic(let dynamic): try dynamic.apply(to: &pixels, geometry)
    }
  }
}

/// What is wrong with a trigger's parameters.
struct Flaw: Error, Equatable {
  let rule: String
}
