import CupelOnnxSchema
import SwiftProtobuf
import Testing

/// The table by which a file is walked before anything is decoded, against what is decoded then.
@Suite struct OnnxWireTableTests {
  private enum Wire: UInt8, CaseIterable {
    case varint = 0
    case eightBytes = 1
    case delimited = 2
    case fourBytes = 5

    /// A field that holds nothing but zeros, or nothing.
    func field(_ number: Int) -> [UInt8] {
      tag(number)
        + [UInt8](repeating: 0, count: self == .eightBytes ? 8 : self == .fourBytes ? 4 : 1)
    }

    func tag(_ number: Int) -> [UInt8] {
      let tag = number << 3 | Int(rawValue)
      return tag < 128 ? [UInt8(tag)] : [UInt8(tag & 127 | 128), UInt8(tag >> 7)]
    }

    static func carrying(_ field: OnnxField?) -> Set<Wire> {
      switch field {
      case nil: []
      case .message, .text: [.delimited]
      case .numbers: [.varint, .delimited]
      case .fixed(4): [.fourBytes, .delimited]
      case .fixed: [.eightBytes, .delimited]
      case .number: [.varint]
      case .fixedNumber: [.fourBytes]
      }
    }
  }

  /// More than the schema's largest.
  private static let numbers = 1...63

  @Test(arguments: OnnxMessage.allCases)
  func fieldsAreThoseThatAreDecoded(_ message: OnnxMessage) throws {
    for number in Self.numbers {
      let carrying = Wire.carrying(message.field(number))
      for wire in Wire.allCases {
        let decoded = try message.type.init(serializedBytes: wire.field(number))
        #expect(
          decoded.unknownFields.data.isEmpty == carrying.contains(wire),
          "field \(number), \(wire)")
      }
    }
  }

  @Test(arguments: OnnxMessage.allCases)
  func messagesAreThoseThatAreDecoded(_ message: OnnxMessage) throws {
    for number in Self.numbers {
      guard case .message(let inner) = message.field(number) else {
        // 15 is a text, or a number; in a message it is a tag that cannot be.
        if Wire.carrying(message.field(number)) == [.delimited] {
          _ = try message.type.init(serializedBytes: Wire.delimited.tag(number) + [1, 15])
        }
        continue
      }
      let content = Self.numbers.filter { Wire.carrying(inner.field($0)).contains(.delimited) }
        .flatMap(Wire.delimited.field)
      let decoded = try message.type.init(
        serializedBytes: Wire.delimited.tag(number) + [UInt8(content.count)] + content)
      // An unknown field is shown by its number.
      let unknown = decoded.textFormatString().split(separator: "\n").filter {
        $0.drop { $0 == " " }.first?.isNumber == true
      }
      #expect(unknown == [], "field \(number)")
    }
  }
}

extension OnnxMessage {
  fileprivate var type: any SwiftProtobuf.Message.Type {
    switch self {
    case .model: OnnxModel.self
    case .property: OnnxProperty.self
    case .operatorSet: OnnxOperatorSet.self
    case .graph: OnnxGraph.self
    case .node: OnnxNode.self
    case .attribute: OnnxAttribute.self
    case .tensor: OnnxTensor.self
    case .value: OnnxValue.self
    case .type: OnnxType.self
    case .tensorType: OnnxTensorType.self
    case .shape: OnnxShape.self
    case .dimension: OnnxDimension.self
    }
  }
}
