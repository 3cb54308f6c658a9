import CupelIntegerOperators
import CupelModelWriter

/// The networks that are timed: MLPerf Tiny's four, and three of CIFAR-10's usual ones.
enum Network: String, CaseIterable {
  case resNet8 = "resnet8"
  case dsCNN = "ds-cnn"
  case mobileNetV1 = "mobilenetv1-0.25"
  case autoencoder
  case resNet20 = "resnet20"
  case resNet18 = "resnet18"
  case mobileNetV2 = "mobilenetv2"

  /// - Parameter bits: of the weights.
  func program(bits: Int) -> IntegerProgram {
    switch self {
    case .resNet8: Self.makeResNet8(bits)
    case .dsCNN: Self.makeDSCNN(bits)
    case .mobileNetV1: Self.makeMobileNetV1(bits)
    case .autoencoder: Self.makeAutoencoder(bits)
    case .resNet20: Self.makeResNet20(bits)
    case .resNet18: Self.makeResNet18(bits)
    case .mobileNetV2: Self.makeMobileNetV2(bits)
    }
  }

  private static func makeResNet8(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 32, width: 32, channels: 3, bits: bits)
    net.padsLikeTensorFlow = true
    net.convolution(16)
    for (channels, stride) in [(16, 1), (32, 2), (64, 2)] {
      residual(&net, channels: channels, stride: stride, projects: stride == 2)
    }
    net.mean()
    net.fullyConnected(10)
    return net.finished()
  }

  private static func makeDSCNN(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 49, width: 10, channels: 1, bits: bits)
    net.padsLikeTensorFlow = true
    net.convolution(64, kernel: (10, 4), stride: 2)
    for _ in 0..<4 {
      net.depthwise()
      net.convolution(64, kernel: (1, 1))
    }
    net.mean()
    net.fullyConnected(12)
    return net.finished()
  }

  private static func makeMobileNetV1(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 96, width: 96, channels: 3, bits: bits)
    net.padsLikeTensorFlow = true
    net.convolution(8, stride: 2)
    let blocks = [
      (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1),
      (128, 1), (128, 1), (256, 2), (256, 1),
    ]
    for (channels, stride) in blocks {
      net.depthwise(stride: stride)
      net.convolution(channels, kernel: (1, 1))
    }
    net.mean()
    net.fullyConnected(2)
    return net.finished()
  }

  private static func makeAutoencoder(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 1, width: 1, channels: 640, bits: bits)
    for channels in [128, 128, 128, 128, 8, 128, 128, 128, 128] {
      net.fullyConnected(channels, relu: true)
    }
    net.fullyConnected(640)
    return net.finished()
  }

  private static func makeResNet20(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 32, width: 32, channels: 3, bits: bits)
    net.convolution(16)
    for (channels, stride) in [(16, 1), (32, 2), (64, 2)] {
      for block in 0..<3 {
        let stride = block == 0 ? stride : 1
        residual(&net, channels: channels, stride: stride, projects: false)
      }
    }
    net.mean()
    net.fullyConnected(10)
    return net.finished()
  }

  private static func makeResNet18(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 32, width: 32, channels: 3, bits: bits)
    net.convolution(64)
    for (channels, stride) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
      for block in 0..<2 {
        let stride = block == 0 ? stride : 1
        residual(&net, channels: channels, stride: stride, projects: stride == 2)
      }
    }
    net.mean()
    net.fullyConnected(10)
    return net.finished()
  }

  private static func makeMobileNetV2(_ bits: Int) -> IntegerProgram {
    var net = NetworkBuilder(height: 32, width: 32, channels: 3, bits: bits)
    net.convolution(32)
    let stages = [
      (1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
      (6, 320, 1, 1),
    ]
    for (expansion, channels, blocks, stride) in stages {
      for block in 0..<blocks {
        inverted(
          &net, expansion: expansion, channels: channels, stride: block == 0 ? stride : 1)
      }
    }
    net.convolution(1280, kernel: (1, 1))
    net.mean()
    net.fullyConnected(10)
    return net.finished()
  }

  /// Two convolutions and a shortcut, which a convolution projects or which is thinned out.
  private static func residual(
    _ net: inout NetworkBuilder, channels: Int, stride: Int, projects: Bool
  ) {
    let start = net.current
    net.convolution(channels, stride: stride)
    net.convolution(channels, relu: false)
    let main = net.current
    net.current = start
    if projects {
      net.convolution(channels, kernel: (1, 1), stride: stride, relu: false)
    } else if stride == 2 {
      net.halvedShortcut(channels: channels)
    }
    let shortcut = net.current
    net.current = main
    net.add(shortcut, relu: true)
  }

  private static func inverted(
    _ net: inout NetworkBuilder, expansion: Int, channels: Int, stride: Int
  ) {
    let start = net.current
    let inputs = net.shape.channels
    net.convolution(inputs * expansion, kernel: (1, 1))
    net.depthwise(stride: stride)
    net.convolution(channels, kernel: (1, 1), relu: false)
    guard stride == 1 else { return }
    let main = net.current
    net.current = start
    if inputs != channels { net.convolution(channels, kernel: (1, 1), relu: false) }
    let shortcut = net.current
    net.current = main
    net.add(shortcut, relu: false)
  }
}
