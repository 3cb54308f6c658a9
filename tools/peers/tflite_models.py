"""`.tflite` files as the comparison needs them: their tensors, and operators cut out of them."""

import copy

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPERATORS = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
INT8, FLOAT32 = schema.TensorType.INT8, schema.TensorType.FLOAT32


class File:
    """A parsed model with one subgraph."""

    def __init__(self, content):
        self.content = bytes(content)
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(self.content, 0))
        self.graph = self.model.subgraphs[0]

    def name(self, tensor):
        return self.graph.tensors[tensor].name.decode()

    def is_constant(self, tensor):
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data
        return data is not None and len(data) > 0

    def kind(self, operator):
        code = self.model.operatorCodes[operator.opcodeIndex]
        return OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def reshaped(self):
        """The tensor of which each RESHAPE's output is a copy, through chains of them."""
        source = {}
        for operator in self.graph.operators:
            if self.kind(operator) == "RESHAPE":
                first = operator.inputs[0]
                source[operator.outputs[0]] = source.get(first, first)
        return source

    def with_all_outputs(self):
        """The model with every int8 tensor that an operator gives as an output, and their places."""
        model = copy.copy(self.model)
        graph = copy.copy(self.graph)
        places = [t for operator in graph.operators for t in operator.outputs
                  if graph.tensors[t].type == INT8]
        graph.outputs = places
        model.subgraphs = [graph]
        model.signatureDefs = []
        return pack(model), places

    def one_operator(self, index):
        """A model with operator `index` alone: activations become its inputs and output."""
        model = copy.copy(self.model)
        graph = copy.copy(self.graph)
        operator = self.graph.operators[index]
        graph.operators = [operator]
        graph.inputs = [t for t in operator.inputs if t >= 0 and not self.is_constant(t)]
        graph.outputs = list(operator.outputs)
        model.subgraphs = [graph]
        model.signatureDefs = []
        return pack(model)

    def until(self, index):
        """A model of the operators up to `index`, whose output is that one's."""
        model, graph = copy.copy(self.model), copy.copy(self.graph)
        graph.operators = self.graph.operators[:index + 1]
        graph.outputs = list(self.graph.operators[index].outputs[:1])
        model.subgraphs, model.signatureDefs = [graph], []
        return pack(model)

    def with_joined_inputs(self, batches):
        """A model of one int8 input that holds the operator's two inputs one behind the other, each
        sliced off, and the inputs that go with it. Slices copy bytes, so the operator sees what it
        would see."""
        model = copy.copy(self.model)
        graph = copy.copy(self.graph)
        graph.tensors = list(graph.tensors)
        model.buffers = list(model.buffers)
        model.operatorCodes = list(model.operatorCodes)
        first, second = graph.inputs
        extents = [list(graph.tensors[place].shape) for place in (first, second)]
        assert extents[0] == extents[1]
        channels = extents[0][-1]

        def tensor(shape, kind, like=None, data=None, name=b"extra"):
            new = schema.TensorT()
            new.shape, new.type, new.name = shape, kind, name
            new.quantization = graph.tensors[like].quantization if like is not None else None
            if data is not None:
                buffer = schema.BufferT()
                buffer.data = np.frombuffer(data, np.uint8)
                new.buffer = len(model.buffers)
                model.buffers.append(buffer)
            graph.tensors.append(new)
            return len(graph.tensors) - 1

        joined = tensor(extents[0][:-1] + [2 * channels], INT8, like=first, name=b"joined")
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.STRIDED_SLICE
        model.operatorCodes.append(code)
        operators = []
        for place, start in ((first, 0), (second, channels)):
            begin = [0] * (len(extents[0]) - 1) + [start]
            end = extents[0][:-1] + [start + channels]
            constants = [
                tensor([len(v)], schema.TensorType.INT32, data=np.array(v, np.int32).tobytes())
                for v in (begin, end, [1] * len(begin))]
            operator = schema.OperatorT()
            operator.opcodeIndex = len(model.operatorCodes) - 1
            operator.inputs, operator.outputs = [joined, *constants], [place]
            operator.builtinOptionsType = schema.BuiltinOptions.StridedSliceOptions
            operator.builtinOptions = schema.StridedSliceOptionsT()
            operators.append(operator)
        graph.operators = operators + list(graph.operators)
        graph.inputs = [joined]
        model.subgraphs = [graph]
        return pack(model), np.concatenate(batches, axis=-1)

    def bytes_of(self, tensor):
        return bytes(self.model.buffers[tensor.buffer].data)

    def real_blocks(self, tensor):
        """The numbers of a constant that has a scale for every block of its last axis."""
        stored = np.frombuffer(self.bytes_of(tensor), np.uint8)
        if tensor.type == schema.TensorType.INT4:
            # The first in the low nibble.
            stored = (np.stack([stored << 4, stored & 0xF0], axis=1).astype(np.uint8)
                      .view(np.int8) >> 4)
        blocks = stored.view(np.int8).reshape(-1, tensor.quantization.details.blockSize)
        held = self.graph.tensors[tensor.quantization.details.scales]
        kind = np.float32 if held.type == FLOAT32 else np.float16
        scales = np.frombuffer(self.bytes_of(held), kind).astype(np.float32)
        return blocks.astype(np.float32) * scales[:, None]

    def with_real_weights(self):
        """The model with constants of int8, and those in blocks, made the float32 numbers that they
        stand for."""
        model = copy.copy(self.model)
        graph = copy.copy(self.graph)
        model.buffers = list(self.model.buffers)
        graph.tensors = list(self.graph.tensors)
        for place, tensor in enumerate(graph.tensors):
            if not self.is_constant(place):
                continue
            own = tensor.quantization
            if own is not None and isinstance(own.details, schema.BlockwiseQuantizationT):
                real = self.real_blocks(tensor)
            elif tensor.type == INT8:
                values = np.frombuffer(self.bytes_of(tensor), np.int8).reshape(tensor.shape)
                shape = [1] * len(tensor.shape)
                if len(own.scale) > 1:
                    shape[own.quantizedDimension] = len(own.scale)
                scale = np.asarray(own.scale, np.float32).reshape(shape)
                zero = np.asarray(own.zeroPoint, np.float32).reshape(shape)
                real = (scale * (values.astype(np.float32) - zero)).astype(np.float32)
            else:
                continue
            changed = copy.copy(tensor)
            changed.type = FLOAT32
            changed.quantization = None
            changed.buffer = len(model.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(real.tobytes(), np.uint8)
            model.buffers.append(buffer)
            graph.tensors[place] = changed
        # A composite's decomposition is a subgraph.
        model.subgraphs = [graph, *self.model.subgraphs[1:]]
        return pack(model)


def pack(model):
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
