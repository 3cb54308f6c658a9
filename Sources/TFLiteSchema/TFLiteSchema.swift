/// Numbers of the public TensorFlow Lite schema (version 3): field ids of its tables and codes of
/// its enumerations. A field with id i stands in entry i of a table's vtable.
package enum TFLite {
  /// Bytes 4 to 7 of a file.
  package static let identifier: StaticString = "TFL3"
  /// `Model.version` of every file with that identifier.
  package static let version: UInt32 = 3

  package enum Model {
    package static let version = 0
    package static let operatorCodes = 1
    package static let subgraphs = 2
    package static let description = 3
    package static let buffers = 4
    package static let metadata = 6
  }

  package enum OperatorCode {
    /// Int8; codes above 127 stand in `builtinCode` alone, and this one is 127.
    package static let deprecatedBuiltinCode = 0
    package static let customCode = 1
    package static let version = 2
    /// Int32; the larger of the two codes counts.
    package static let builtinCode = 3
  }

  package enum Subgraph {
    package static let tensors = 0
    package static let inputs = 1
    package static let outputs = 2
    package static let operators = 3
    package static let name = 4
  }

  package enum Tensor {
    package static let shape = 0
    package static let type = 1
    package static let buffer = 2
    package static let name = 3
    package static let quantization = 4
    package static let isVariable = 5
    package static let sparsity = 6
  }

  package enum Quantization {
    package static let min = 0
    package static let max = 1
    /// Float32, one a tensor or one a channel.
    package static let scale = 2
    /// Int64.
    package static let zeroPoint = 3
    package static let detailsType = 4
    package static let details = 5
    package static let dimension = 6
  }

  /// Details of type 2: a scale for each so many elements of the last axis.
  package enum BlockwiseQuantization {
    /// Tensors of the subgraph, −1 for none.
    package static let scales = 0
    package static let zeroPoints = 1
    package static let blockSize = 2
    /// `Quantization.detailsType`.
    package static let type: UInt8 = 2
  }

  package enum Buffer {
    package static let data = 0
    /// From the start of the file, for data that lie behind the FlatBuffer; above 1 where used.
    package static let offset = 1
    package static let size = 2
  }

  package enum Operator {
    package static let opcodeIndex = 0
    package static let inputs = 1
    package static let outputs = 2
    package static let builtinOptionsType = 3
    package static let builtinOptions = 4
    /// Of the operators from STABLEHLO_LOGISTIC on.
    package static let builtinOptions2 = 12
  }

  package enum Metadata {
    package static let name = 0
    package static let buffer = 1
  }

  /// Fields of the operators' option tables.
  package enum Options {
    package enum Convolution {
      package static let padding = 0
      package static let strideWidth = 1
      package static let strideHeight = 2
      package static let activation = 3
      package static let dilationWidth = 4
      package static let dilationHeight = 5
      /// An element type: of biases of int16 layers.
      package static let biasType = 6
    }

    package enum DepthwiseConvolution {
      package static let padding = 0
      package static let strideWidth = 1
      package static let strideHeight = 2
      package static let depthMultiplier = 3
      package static let activation = 4
      package static let dilationWidth = 5
      package static let dilationHeight = 6
    }

    package enum FullyConnected {
      package static let activation = 0
      package static let weightsFormat = 1
      package static let keepsDimensions = 2
      package static let biasType = 4
    }

    package enum Pool {
      package static let padding = 0
      package static let strideWidth = 1
      package static let strideHeight = 2
      package static let filterWidth = 3
      package static let filterHeight = 4
      package static let activation = 5
    }

    package enum BatchMatMul {
      package static let adjointX = 0
      package static let adjointY = 1
    }

    /// Of ADD, SUB and MUL alike.
    package enum Arithmetic {
      package static let activation = 0
      /// Of ADD and SUB: whether int16 on scales that are powers of two is shifted.
      package static let shiftsPowersOfTwo = 1
    }

    package enum Softmax {
      package static let beta = 0
    }

    package enum Concatenation {
      package static let axis = 0
      package static let activation = 1
    }

    package enum L2Normalization {
      package static let activation = 0
    }

    package enum Reducer {
      package static let keepsDimensions = 0
    }

    package enum Reshape {
      package static let shape = 0
    }

    package enum StridedSlice {
      package static let beginMask = 0
      package static let endMask = 1
      package static let ellipsisMask = 2
      package static let newAxisMask = 3
      package static let shrinkAxisMask = 4
      package static let isOffset = 5
    }

    package enum LeakyRelu {
      package static let alpha = 0
    }

    package enum Pack {
      package static let count = 0
      package static let axis = 1
    }

    package enum Unpack {
      package static let count = 0
      package static let axis = 1
    }

    /// Of SPACE_TO_DEPTH and DEPTH_TO_SPACE.
    package enum Blocks {
      package static let size = 0
    }

    package enum Gelu {
      package static let isApproximate = 0
    }

    package enum Gather {
      package static let axis = 0
      package static let batchDimensions = 1
    }

    package enum Composite {
      package static let name = 0
      /// A subgraph of the file.
      package static let decomposition = 1
    }

    package enum MirrorPad {
      package static let mode = 0
    }

    package enum ResizeBilinear {
      package static let alignsCorners = 2
      package static let halfPixelCentres = 3
    }

    package enum ResizeNearestNeighbor {
      package static let alignsCorners = 0
      package static let halfPixelCentres = 1
    }

    package enum TransposeConvolution {
      package static let padding = 0
      package static let strideWidth = 1
      package static let strideHeight = 2
      package static let activation = 3
      package static let biasType = 4
    }
  }

  /// Numbered from 0 on, in the schema's order.
  package enum ElementType: Int8, Sendable {
    case float32, float16, int32, uint8, int64, string, bool, int16, complex64, int8, float64
    case complex128, uint64, resource, variant, uint32, uint16, int4, bfloat16, int2, uint4
    case float8E4M3FN, float8E5M2
  }

  /// Numbered from 0 on.
  package enum Padding: Int8, Sendable { case same, valid }

  /// Numbered from 0 on; `reluN1To1` is between −1 and 1.
  package enum Activation: Int8, Sendable { case none, relu, reluN1To1, relu6, tanh, signBit }

  /// Codes of the builtin operators that Cupel reads or writes.
  package enum Operation: Int32, Sendable {
    case add = 0
    case averagePool2D = 1
    case concatenation = 2
    case conv2D = 3
    case depthwiseConv2D = 4
    case depthToSpace = 5
    case dequantize = 6
    case floor = 8
    case fullyConnected = 9
    case l2Normalization = 11
    case logistic = 14
    case maxPool2D = 17
    case mul = 18
    case relu = 19
    case reluN1To1 = 20
    case relu6 = 21
    case reshape = 22
    case resizeBilinear = 23
    case softmax = 25
    case spaceToDepth = 26
    case tanh = 28
    case custom = 32
    case pad = 34
    case gather = 36
    case batchToSpaceND = 37
    case spaceToBatchND = 38
    case transpose = 39
    case mean = 40
    case sub = 41
    case div = 42
    case squeeze = 43
    case stridedSlice = 45
    case exp = 47
    case split = 49
    case logSoftmax = 50
    case prelu = 54
    case maximum = 55
    case minimum = 57
    case neg = 59
    case padV2 = 60
    case slice = 65
    case sin = 66
    case transposeConv = 67
    case tile = 69
    case expandDims = 70
    case log = 73
    case sum = 74
    case sqrt = 75
    case rsqrt = 76
    case shape = 77
    case pow = 78
    case reduceMax = 82
    case pack = 83
    case unpack = 88
    case reduceMin = 89
    case square = 92
    case resizeNearestNeighbor = 97
    case leakyRelu = 98
    case squaredDifference = 99
    case mirrorPad = 100
    case abs = 101
    case splitV = 102
    case ceil = 104
    case reverseV2 = 105
    case gatherND = 107
    case cos = 108
    case elu = 111
    case quantize = 114
    case round = 116
    case hardSwish = 117
    case scatterND = 122
    case batchMatMul = 126
    case broadcastTo = 130
    case gelu = 150
    case dynamicUpdateSlice = 151
    case relu0To1 = 152
    case sign = 158
    case stablehloComposite = 206

    /// The newest version of the operator that LiteRT 2.3 registers: it refuses a file with a newer
    /// one, whose meaning is not known.
    package var newestVersion: Int32 {
      switch self {
      case .fullyConnected: 14
      case .dequantize: 9
      case .transpose: 9
      case .conv2D, .gather, .mul, .stridedSlice, .slice: 8
      case .concatenation, .depthwiseConv2D: 7
      case .add, .pad, .padV2, .quantize, .unpack, .gatherND, .dynamicUpdateSlice: 6
      case .sub, .transposeConv, .pack, .split: 5
      case .softmax, .maximum, .minimum, .resizeNearestNeighbor, .broadcastTo: 4
      case .batchMatMul, .batchToSpaceND, .resizeBilinear, .reverseV2, .spaceToBatchND: 4
      case .averagePool2D, .maxPool2D, .logistic, .relu, .relu6, .tanh, .mean, .reduceMax,
        .reduceMin,
        .mirrorPad, .splitV, .tile, .abs, .rsqrt:
        3
      case .exp, .gelu, .log, .sqrt, .sum: 2
      case .div, .l2Normalization, .logSoftmax, .sign, .squaredDifference: 2
      case .squeeze, .leakyRelu, .spaceToDepth, .depthToSpace: 2
      case .reluN1To1, .relu0To1, .reshape, .custom, .expandDims, .shape, .hardSwish,
        .ceil, .cos, .elu, .floor, .neg, .pow, .prelu, .round, .sin, .square,
        .scatterND, .stablehloComposite:
        1
      }
    }

    /// Code of the union in which the operator's options stand; nil where Cupel writes none.
    package var optionsType: UInt8? {
      switch self {
      case .conv2D: 1
      case .depthwiseConv2D: 2
      case .averagePool2D, .maxPool2D: 5
      case .fullyConnected: 8
      case .resizeBilinear: 15
      case .gather: 23
      case .batchMatMul: 101
      case .softmax: 9
      case .concatenation: 10
      case .add: 11
      case .reshape: 17
      case .mul: 21
      case .pad: 22
      case .transpose: 26
      case .mean: 27
      case .sub: 28
      case .stridedSlice: 32
      case .padV2: 43
      case .transposeConv: 49
      case .leakyRelu: 75
      case .quantize: 89
      default: nil
      }
    }
  }
}

extension TFLite {
  /// The schema's names of the builtin operators, by code.
  package static let operatorNames: [StaticString] = [
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION",
    "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL",
    "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER",
    "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",
    "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU",
    "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL",
    "LESS_EQUAL", "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE",
    "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN",
    "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND",
    "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE",
    "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE",
    "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS",
    "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG",
    "ROUND", "HARD_SWISH", "IF", "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL",
    "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D",
    "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE",
    "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM",
    "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD",
    "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN",
    "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT", "STABLEHLO_LOGISTIC", "STABLEHLO_ADD",
    "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_RESHAPE",
    "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE",
    "STABLEHLO_ABS", "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL",
    "STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR",
    "STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RSQRT", "STABLEHLO_SELECT",
    "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER", "STABLEHLO_COMPARE",
    "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW",
    "STABLEHLO_SORT", "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE",
    "STABLEHLO_RNG_BIT_GENERATOR", "REDUCE_WINDOW", "STABLEHLO_COMPOSITE",
    "STABLEHLO_SHIFT_LEFT", "STABLEHLO_CBRT", "STABLEHLO_CASE",
  ]

  /// The name of builtin operator `code`, for messages.
  package static func name(ofOperator code: Int32) -> String {
    operatorNames.indices.contains(Int(code)) ? "\(operatorNames[Int(code)])" : "operator \(code)"
  }
}
