"""A Keras model rebuilt from a float ONNX classifier, with BatchNormalization kept: what a user who
trains with Keras hands to TensorFlow's converter.

It covers the operators of the specimens; images are [H, W, C] to Keras and [C, H, W] to ONNX.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from onnx import helper, numpy_helper

keras = tf.keras
layers = keras.layers


def folded(path):
    """The model with the arithmetic of shapes worked out and everything else as it is."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"],
            disabled_optimizers=["ConvBNFusion", "ConvMulFusion", "ConvAddFusion"])
        return onnx.load(options.optimized_model_filepath)


class Builder:
    def __init__(self, path):
        self.model = folded(path)
        graph = self.model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        source = next(i for i in graph.input if i.name not in self.constants)
        shape = [d.dim_value for d in source.type.tensor_type.shape.dim][1:]
        self.input = keras.Input((*shape[1:], shape[0]), batch_size=1)
        self.values = {source.name: self.input}

    def built(self):
        for node in self.model.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            self.values[node.output[0]] = getattr(self, node.op_type)(node, attributes)
        return keras.Model(self.input, self.values[self.model.graph.output[0].name])

    def value(self, node, index=0):
        return self.values[node.input[index]]

    def constant(self, node, index):
        given = len(node.input) > index and node.input[index]
        return self.constants[node.input[index]] if given else None

    @staticmethod
    def padded(value, pads, fill=0):
        if not any(pads):
            return value
        top, left, bottom, right = pads
        if fill:
            return layers.Lambda(lambda x: tf.pad(
                x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=fill))(value)
        return layers.ZeroPadding2D(((top, bottom), (left, right)))(value)

    def Conv(self, node, attributes):
        value, weights, bias = self.value(node), self.constant(node, 1), self.constant(node, 2)
        groups = attributes.get("group", 1)
        form = dict(strides=attributes.get("strides", [1, 1]), use_bias=bias is not None,
                    dilation_rate=attributes.get("dilations", [1, 1]))
        value = self.padded(value, attributes.get("pads", [0] * 4))
        if groups == 1:
            layer = layers.Conv2D(len(weights), weights.shape[2:], **form)
            kernel = weights.transpose(2, 3, 1, 0)
        else:
            assert groups == len(weights) and weights.shape[1] == 1, "only depthwise groups"
            layer = layers.DepthwiseConv2D(weights.shape[2:], **form)
            kernel = weights.transpose(2, 3, 0, 1)
        output = layer(value)
        layer.set_weights([kernel] if bias is None else [kernel, bias])
        return output

    def BatchNormalization(self, node, attributes):
        layer = layers.BatchNormalization(epsilon=attributes.get("epsilon", 1e-5))
        output = layer(self.value(node), training=False)
        layer.set_weights([self.constant(node, index) for index in range(1, 5)])
        return output

    def Gemm(self, node, attributes):
        weights, bias = self.constant(node, 1), self.constant(node, 2)
        layer = layers.Dense(weights.shape[0 if attributes.get("transB") else 1])
        output = layer(self.value(node))
        layer.set_weights([weights.T if attributes.get("transB") else weights, bias])
        return output

    def Relu(self, node, _):
        return layers.ReLU()(self.value(node))

    def Clip(self, node, _):
        low, high = self.constant(node, 1), self.constant(node, 2)
        assert low == 0 and high == 6, "only Relu6"
        return layers.ReLU(max_value=6)(self.value(node))

    def Add(self, node, _):
        return layers.Add()([self.value(node, 0), self.value(node, 1)])

    def MaxPool(self, node, attributes):
        assert not any(attributes.get("pads", [0])), "no padding"
        return layers.MaxPooling2D(
            attributes["kernel_shape"], attributes.get("strides", [1, 1]))(self.value(node))

    def GlobalAveragePool(self, node, _):
        return layers.GlobalAveragePooling2D(keepdims=True)(self.value(node))

    def Flatten(self, node, _):
        value = self.value(node)
        if value.shape[1] * value.shape[2] > 1:
            value = layers.Permute((3, 1, 2))(value)
        return layers.Flatten()(value)

    def Slice(self, node, _):
        """Every second row and column, as ResNet's shortcuts without weights have it."""
        starts, ends, axes, steps = (self.constant(node, index) for index in range(1, 5))
        value = self.value(node)
        slices = [slice(None)] * 4
        for start, end, axis, step in zip(starts, ends, axes, steps):
            slices[axis] = slice(int(start), min(int(end), 2**31 - 1), int(step))
        rows, columns = slices[2], slices[3]
        assert slices[:2] == [slice(None)] * 2, "only rows and columns"
        # A window of one pixel is what a converter has an operator for.
        for axis in (rows, columns):
            assert axis.start in (None, 0), "from the first pixel on"
        return layers.MaxPooling2D(1, (rows.step or 1, columns.step or 1))(value)

    def Pad(self, node, _):
        pads = [int(p) for p in self.constant(node, 1)]
        before, after = pads[:4], pads[4:]
        assert before[0] == after[0] == 0
        pairs = [[0, 0]] + [[before[axis], after[axis]] for axis in (2, 3, 1)]
        return layers.Lambda(lambda x: tf.pad(x, pairs))(self.value(node))


def keras_model(path):
    return Builder(path).built()


def converted(model, images=None):
    """A `.tflite` file: float, or int8 throughout where there are images ([N][H][W][C]) to
    calibrate on."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if images is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()
