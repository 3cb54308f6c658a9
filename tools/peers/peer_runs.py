"""Runs a model in Cupel and in the runtimes that it is compared with, on whole int8 tensors.

Inputs and outputs are as Cupel has them: int8, the batch first, then height, width, channel.
"""

import json
import os
import pickle
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, numpy_helper
from tflite_micro.python.tflite_micro import runtime as micro

from tflite_models import File, schema

REFERENCE, XNNPACK = OpResolverType.BUILTIN_REF, OpResolverType.AUTO


class Refused(Exception):
    """What a program says of a model that it does not take."""


class Broken(Exception):
    """A crash, a hang, or an exit status that stands for no refusal."""


class Cupel:
    def __init__(self, program):
        self.program = str(program)

    def __call__(self, *arguments):
        """Standard output."""
        command = [self.program, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired as error:
            raise Broken(f"cupel {arguments[0]}: more than two minutes") from error
        if done.returncode in (64, 65, 66):
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise Refused(said[0] if said else "without a word")
        if done.returncode:
            raise Broken(f"cupel {arguments[0]}: status {done.returncode}: {done.stderr[-300:]}")
        return done.stdout

    def tensors(self, model, inputs, profile=None, output_only=False):
        """Every tensor by name, and the outputs' names."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            np.ascontiguousarray(inputs).tofile(folder / "inputs.bin")
            self("dump", model, "--input", folder / "inputs.bin", "-o", folder / "tensors",
                 "--threads", "1", "--quiet", *(["--profile", profile] if profile else []),
                 *(["--output-only"] if output_only else []))
            entries = json.loads((folder / "tensors" / "index.json").read_text())
            values = {e["name"]: np.load(folder / "tensors" / e["file"]) for e in entries}
            return values, [e["name"] for e in entries if e["isOutput"]]

    def output(self, model, inputs, profile=None):
        """The output, a row an input; of several outputs one behind the other."""
        values, names = self.tensors(model, inputs, profile, output_only=True)
        return np.concatenate([values[name].reshape(len(inputs), -1) for name in names], axis=1)


def random_inputs(shape, count, random):
    """int8 inputs: over the whole grid and, every second one, over a part of it; the first two are
    the grid's ends."""
    values = random.integers(-128, 128, (count, *shape)).astype(np.int16)
    for place in range(1, count, 2):
        low, width = random.integers(-128, 96), random.integers(2, 128)
        values[place] = low + values[place] % width
    if count > 3:
        values[0], values[2] = -128, 127
    return np.clip(values, -128, 127).astype(np.int8)


def isolated(function, *arguments):
    """The function's result, from a process of its own: a runtime that crashes takes only that."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(receiver)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            try:
                message = (True, function(*arguments))
            except Refused as error:
                message = (False, str(error))
            with os.fdopen(sender, "wb") as pipe:
                pickle.dump(message, pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not content:
        raise Refused(f"the runtime crashes (status {status})")
    well, result = pickle.loads(content)
    if not well:
        raise Refused(result)
    return result


def litert(content, resolver):
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def signed(values):
    return (values.astype(np.int16) - 128).astype(np.int8) if values.dtype == np.uint8 else values


def on_grid(values, scale, zero):
    return np.clip(np.rint(values / np.float32(scale)) + zero, -128, 127).astype(np.int8)


def without_batch(shape):
    """A tensor's shape without its batch of one."""
    shape = tuple(int(extent) for extent in shape)
    return shape[1:] if shape[:1] == (1,) else shape


#: Operators that leave the values at a model's edge as they are.
MOVES = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE"}


def edge_grids(content):
    """For the inputs and the outputs of a `.tflite` model, the grid of each: its own, or that of
    the QUANTIZE or DEQUANTIZE next to a real one; None where there is neither."""
    file = File(content)

    def grid(place, side, other, edge):
        tensor = file.graph.tensors[place]
        own = tensor.quantization
        if tensor.type != schema.TensorType.FLOAT32 and own is not None and own.scale is not None:
            moved = 128 if tensor.type == schema.TensorType.UINT8 else 0
            return np.float32(own.scale[0]), int(own.zeroPoint[0]) - moved
        for operator in file.graph.operators:
            if place in getattr(operator, side) and file.kind(operator) in {edge} | MOVES:
                return grid(getattr(operator, other)[0], side, other, edge)
        return None

    return ([grid(place, "inputs", "outputs", "QUANTIZE") for place in file.graph.inputs],
            [grid(place, "outputs", "inputs", "DEQUANTIZE") for place in file.graph.outputs])


def answers(content, inputs, details, run):
    """The outputs of a `.tflite` model, one behind the other, a row an image. `inputs` has all inputs
    of an image one behind the other, in the file's order. `run` takes what the runtime is given for
    an image, an array an input, and returns its outputs."""
    first, last = edge_grids(content)
    ends = np.cumsum([int(np.prod(detail["shape"])) for detail in details])
    parts = np.split(inputs.reshape(len(inputs), -1), ends[:-1], axis=1)
    given = [as_input(part, detail["dtype"], grid)
             for part, detail, grid in zip(parts, details, first, strict=True)]
    results = [run([part[place].reshape(detail["shape"]) for part, detail in zip(given, details)])
               for place in range(len(inputs))]
    return np.concatenate(
        [as_output(np.stack([result[index].ravel() for result in results]), grid)
         for index, grid in enumerate(last)], axis=1)


def as_input(values, dtype, grid):
    """int8 values as an input of this type."""
    if dtype == np.uint8:
        return (values.astype(np.int16) + 128).astype(np.uint8)
    if dtype == np.float32:
        if grid is None:
            raise Refused("no QUANTIZE reads the real input")
        return ((values.astype(np.float32) - np.float32(grid[1])) * grid[0]).astype(np.float32)
    return values


def as_output(values, grid):
    if values.dtype == np.float32:
        if grid is None:
            raise Refused("no DEQUANTIZE writes the real output")
        return on_grid(values, *grid)
    return signed(values)


def litert_output(content, inputs, resolver):
    try:
        interpreter = litert(content, resolver)
        details, outputs = interpreter.get_input_details(), interpreter.get_output_details()

        def run(given):
            for detail, values in zip(details, given):
                interpreter.set_tensor(detail["index"], values)
            interpreter.invoke()
            return [interpreter.get_tensor(detail["index"]).copy() for detail in outputs]

        return answers(content, inputs, details, run)
    except (RuntimeError, ValueError) as error:
        raise Refused(str(error).splitlines()[0][:160]) from error


def left_to_litert(content):
    """Outputs of the operators that XNNPACK does not take, so that LiteRT's own kernels run."""
    interpreter = litert(content, XNNPACK)
    operators = interpreter._get_ops_details()
    producers = {int(o): op for op in operators for o in op["outputs"]}
    waiting = [int(detail["index"]) for detail in interpreter.get_output_details()]
    seen, left = set(), []
    while waiting:
        place = waiting.pop()
        if place in seen or place not in producers:
            continue
        seen.add(place)
        operator = producers[place]
        if operator["op_name"] != "DELEGATE":
            left.append(place)
        waiting += [int(i) for i in operator["inputs"] if i >= 0]
    return left


def micro_output(content, inputs):
    graph = File(content).graph
    try:
        interpreter = micro.Interpreter.from_bytes(content, arena_size=1 << 24)
        details = [interpreter.get_input_details(i) for i in range(len(graph.inputs))]

        def run(given):
            for index, values in enumerate(given):
                interpreter.set_input(values, index)
            interpreter.invoke()
            return [interpreter.get_output(i).copy() for i in range(len(graph.outputs))]

        return answers(content, inputs, details, run)
    except (RuntimeError, ValueError) as error:
        raise Refused(str(error).splitlines()[0][:160]) from error


class OnnxModel:
    """A quantized ONNX model: its ends, and parts of it."""

    def __init__(self, model):
        self.model = model
        graph = model.graph
        self.initializers = {i.name: i for i in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self.initializers[node.output[0]] = node.attribute[0].t
        self.input = next(v for v in graph.input if v.name not in self.initializers)
        self.output = graph.output[0]

    def grid(self, name):
        """Scale, zero point and whether unsigned, of the quantization next to a real input or
        output."""
        for node in self.model.graph.node:
            if node.op_type in ("QuantizeLinear", "DequantizeLinear") and (
                    name in (node.input[0], node.output[0])):
                scale = numpy_helper.to_array(self.initializers[node.input[1]])
                zero = numpy_helper.to_array(self.initializers[node.input[2]])
                return np.float32(scale), int(zero), zero.dtype == np.uint8
        raise Refused(f"no quantization next to {name}")

    def shape(self):
        """The input's, height, width, channel."""
        extents = [d.dim_value for d in self.input.type.tensor_type.shape.dim][1:]
        return (*extents[1:], extents[0]) if len(extents) == 3 else tuple(extents)

    def feed(self, inputs):
        values = inputs.reshape(len(inputs), *self.shape())
        values = values.transpose(0, 3, 1, 2) if values.ndim == 4 else values
        kind = self.input.type.tensor_type.elem_type
        if kind == TensorProto.UINT8:
            values = (values.astype(np.int16) + 128).astype(np.uint8)
        elif kind == TensorProto.FLOAT:
            scale, zero, unsigned = self.grid(self.input.name)
            moved = values.astype(np.float32) - np.float32(zero - 128 * unsigned)
            values = (moved * scale).astype(np.float32)
        return {self.input.name: values}

    def read(self, result, name=None):
        name = name or self.output.name
        if result.dtype == np.float32:
            scale, zero, unsigned = self.grid(name)
            result = on_grid(result, scale, zero - 128 * unsigned)
        result = signed(result)
        last = next((n for n in self.model.graph.node if name in n.output), None)
        while last is not None and last.op_type.endswith("izeLinear"):
            last = next((n for n in self.model.graph.node if last.input[0] in n.output), None)
        # Such a transposition is how files write that their output has its channels last.
        if last is not None and last.op_type == "Transpose" and (
                list(last.attribute[0].ints) == [0, 2, 3, 1]):
            return result.reshape(len(result), -1)
        if result.ndim == 4:
            result = result.transpose(0, 2, 3, 1)
        return result.reshape(len(result), -1)

    def run(self, inputs, optimized=True):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        if not optimized:
            options.graph_optimization_level = (
                onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
        try:
            session = onnxruntime.InferenceSession(
                self.model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            batch = self.input.type.tensor_type.shape.dim[0].dim_value
            feed = self.feed(inputs)
            if batch == 1:
                name, values = next(iter(feed.items()))
                parts = [session.run([self.output.name], {name: values[i:i + 1]})[0]
                         for i in range(len(values))]
                return self.read(np.concatenate(parts))
            return self.read(session.run([self.output.name], feed)[0])
        except Refused:
            raise
        except Exception as error:  # The runtime's own classes have no common one.
            raise Refused(str(error).splitlines()[0][:200]) from error

    def quantized(self):
        """Names of quantized activations, in the order in which they are made."""
        inferred = onnx.shape_inference.infer_shapes(self.model).graph
        self.types = {v.name: v.type for v in [*inferred.value_info, *inferred.output]}
        kinds = (TensorProto.UINT8, TensorProto.INT8)
        return [
            node.output[0] for node in self.model.graph.node
            if node.input and node.input[0] not in self.initializers and (
                node.op_type == "QuantizeLinear"
                or node.op_type.startswith(("QLinear", "QGemm"))
                or (node.output[0] in self.types
                    and self.types[node.output[0]].tensor_type.elem_type in kinds))]

    def unsigned(self):
        for item in self.model.graph.node:
            if item.op_type == "QuantizeLinear" and len(item.input) > 2:
                zero = self.initializers.get(item.input[2])
                if zero is not None:
                    return zero.data_type == TensorProto.UINT8
        return self.input.type.tensor_type.elem_type == TensorProto.UINT8

    def until(self, name):
        """The part of the model that makes `name`, with it as the output."""
        producers = {o: node for node in self.model.graph.node for o in node.output}
        waiting, used = [name], set()
        while waiting:
            node = producers.get(waiting.pop())
            if node is not None and id(node) not in used:
                used.add(id(node))
                waiting += node.input
        nodes = [node for node in self.model.graph.node if id(node) in used]
        names = {n for node in nodes for n in node.input}
        part = onnx.ModelProto()
        part.CopyFrom(self.model)
        del part.graph.node[:], part.graph.output[:], part.graph.initializer[:]
        del part.graph.value_info[:]
        part.graph.node.extend(nodes)
        part.graph.initializer.extend(
            i for i in self.model.graph.initializer if i.name in names)
        if name in self.types:
            part.graph.output.append(onnx.ValueInfoProto(name=name, type=self.types[name]))
        else:
            kind = TensorProto.UINT8 if self.unsigned() else TensorProto.INT8
            part.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
        return OnnxModel(part)
