"""Small `.tflite` models, written operator by operator, and run by LiteRT."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

OPERATOR = schema.BuiltinOperator
INT8, UINT8, INT4 = schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT4
INT32, FLOAT32 = schema.TensorType.INT32, schema.TensorType.FLOAT32
FLOAT16 = schema.TensorType.FLOAT16
NONE, RELU, RELU_N1, RELU6 = 0, 1, 2, 3
SAME, VALID = 0, 1


class Model:
    def __init__(self):
        self.buffers = [schema.BufferT()]
        self.tensors, self.operators, self.codes = [], [], []

    def tensor(self, shape, kind=INT8, scale=None, zero=0, axis=0, data=None):
        tensor = schema.TensorT()
        tensor.shape, tensor.type = [int(s) for s in shape], kind
        tensor.name = f"t{len(self.tensors)}"
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [float(s) for s in scales]
            tensor.quantization.zeroPoint = [int(zero)] * len(scales)
            tensor.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(bytes(data), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def numbers(self, values):
        values = np.asarray(values, np.int32)
        return self.tensor(values.shape, INT32, data=values.tobytes())

    def add(self, code, inputs, outputs, options=None, version=1):
        if (code, version) not in self.codes:
            self.codes.append((code, version))
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.index((code, version))
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options is not None:
            operator.builtinOptions = options
            name = type(options).__name__[:-1]
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        self.operators.append(operator)
        return outputs[0]

    def content(self, source, target):
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [source], [target]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = []
        for number, version in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
            code.version = version
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def options(name, **fields):
    value = getattr(schema, name + "OptionsT")()
    for field, content in fields.items():
        assert hasattr(value, field), (name, field)
        setattr(value, field, content)
    return value


def packed(values):
    """Two values a byte, the first in the low nibble."""
    flat = np.asarray(values, np.int8).ravel().astype(np.uint8) & 15
    flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
    return (flat[0::2] | flat[1::2] << 4).tobytes()


def run(content, inputs, resolver=OpResolverType.BUILTIN_REF):
    """A model's first output for each image, by its reference kernels or others."""
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    target = interpreter.get_output_details()[0]["index"]
    results = []
    for image in inputs:
        interpreter.set_tensor(source["index"], image.reshape(source["shape"]))
        interpreter.invoke()
        results.append(interpreter.get_tensor(target).copy())
    return np.stack(results)
