"""Cases of `tflite_operators.py` with tensors of any rank, batches, and the operators on them."""

import numpy as np

from tflite_model import INT8, NONE, OPERATOR, RELU, SAME, UINT8, VALID, Model, options


def any_rank(Cases):
    """The cases as a class that stands on `Cases`."""

    class AnyRankCases(Cases):
        def _constant(self, model, shape, scale=0.05, zero=4, kind=INT8):
            values = self.random.integers(-128, 128, shape).astype(np.int8)
            return model.tensor(shape, kind, scale, zero, data=values.tobytes())

        def _reduced(self, code, shape, out, axes, *, out_scale=0.05, out_zero=4, keeps=False,
                     version=2):
            return self._unary(
                code, shape, out, 0.05, 4, out_scale, out_zero,
                constants=[lambda m: m.numbers(axes)], opts=options("Reducer", keepDims=keeps),
                version=version)

        def mean_of_batch(self):
            return self._reduced(OPERATOR.MEAN, (5, 4, 3), (4, 3), [0], out_scale=0.03, out_zero=-9)

        def mean_of_middle(self):
            return self._reduced(OPERATOR.MEAN, (2, 3, 4, 5), (2, 3, 5), [2], out_scale=0.04)

        def mean_of_rank_5(self):
            return self._reduced(
                OPERATOR.MEAN, (2, 3, 2, 4, 3), (2, 1, 2, 1, 3), [1, -2], out_scale=0.03,
                keeps=True)

        def mean_of_channels(self):
            return self._reduced(OPERATOR.MEAN, (1, 6, 5, 7), (1, 6, 5), [3], out_scale=0.03)

        def mean_to_a_scalar(self):
            return self._reduced(OPERATOR.MEAN, (15,), (), [0], out_scale=0.01)

        def sum_of_two_axes(self):
            return self._reduced(OPERATOR.SUM, (3, 4, 5, 2), (4, 2), [0, 2], out_scale=0.43)

        def reduce_max_of_middle(self):
            return self._reduced(OPERATOR.REDUCE_MAX, (3, 4, 2, 5), (3, 2, 5), [1])

        def reduce_max_of_ends(self):
            return self._reduced(OPERATOR.REDUCE_MAX, (3, 4, 2, 5), (4, 2), [0, 3])

        def reduce_min(self):
            return self._reduced(OPERATOR.REDUCE_MIN, (3, 4, 5), (3, 5), [1])

        def pad_of_rank_5(self):
            return self._unary(
                OPERATOR.PAD, (2, 1, 3, 4, 2), (3, 3, 5, 4, 3), constants=[lambda m: m.numbers(
                    [[0, 1], [2, 0], [1, 1], [0, 0], [1, 0]])], version=2)

        def slice_of_rank_5(self):
            return self._unary(
                OPERATOR.STRIDED_SLICE, (4, 3, 5, 4, 3), (2, 2, 3, 4, 2), constants=[
                    lambda m: m.numbers([1, 0, 0, 0, 1]), lambda m: m.numbers([4, 2, 5, 4, 3]),
                    lambda m: m.numbers([2, 1, 2, 1, 1])],
                opts=options("StridedSlice", beginMask=0, endMask=0, ellipsisMask=0, newAxisMask=0,
                             shrinkAxisMask=0), version=2)

        def split_of_batch(self):
            model = Model()
            source = model.tensor((6, 2, 3), INT8, 0.05, 4)
            targets = [model.tensor((2, 2, 3), INT8, 0.05, 4) for _ in range(3)]
            model.add(OPERATOR.SPLIT, [model.numbers(0), source], targets,
                      options("Split", numSplits=3), 2)
            return model, source, targets[1]

        def concatenation_of_rank_5(self):
            model = Model()
            source = model.tensor((2, 2, 3, 2, 4), INT8, 0.05, 4)
            other = self._constant(model, (2, 3, 3, 2, 4))
            target = model.tensor((2, 7, 3, 2, 4), INT8, 0.05, 4)
            model.add(OPERATOR.CONCATENATION, [source, other, source], [target],
                      options("Concatenation", axis=1, fusedActivationFunction=NONE), 2)
            return model, source, target

        def pack_of_batches(self):
            model = Model()
            source = model.tensor((2, 3, 4), INT8, 0.05, 4)
            target = model.tensor((2, 2, 3, 4), INT8, 0.05, 4)
            model.add(OPERATOR.PACK, [source, self._constant(model, (2, 3, 4))], [target],
                      options("Pack", valuesCount=2, axis=1), 2)
            return model, source, target

        def _transposed_axes(self, shape, order):
            return self._unary(
                OPERATOR.TRANSPOSE, shape, [shape[a] for a in order],
                constants=[lambda m: m.numbers(order)], version=4 if len(shape) > 4 else 2)

        def transpose_of_batch(self):
            return self._transposed_axes((2, 3, 4, 5), [1, 0, 3, 2])

        def transpose_of_windows(self):
            return self._transposed_axes((2, 3, 2, 4, 3), [0, 3, 2, 1, 4])

        def transpose_of_rank_6(self):
            return self._transposed_axes((2, 3, 2, 2, 3, 2), [4, 2, 0, 5, 3, 1])

        def _joined(self, code, name, shape, other, out, scale=0.031, out_scale=0.08):
            model = Model()
            source = model.tensor(shape, INT8, 0.05, 3)
            target = model.tensor(out, INT8, out_scale, 11)
            opts = options(name, fusedActivationFunction=NONE) if name else None
            model.add(code, [source, self._constant(model, other, scale, -7)], [target], opts, 2)
            return model, source, target

        def add_of_two_sides(self):
            return self._joined(OPERATOR.ADD, "Add", (1, 4, 1, 5), (3, 1, 2, 5), (3, 4, 2, 5))

        def mul_of_more_axes(self):
            return self._joined(OPERATOR.MUL, "Mul", (4, 5), (3, 2, 1, 5), (3, 2, 4, 5))

        def sub_of_rank_5(self):
            return self._joined(
                OPERATOR.SUB, "Sub", (2, 1, 3, 1, 2), (1, 2, 3, 4, 1), (2, 2, 3, 4, 2))

        def maximum_of_tensors(self):
            return self._joined(OPERATOR.MAXIMUM, None, (2, 3, 4), (3, 1), (2, 3, 4), 0.05, 0.05)

        def minimum_of_tensors(self):
            return self._joined(OPERATOR.MINIMUM, None, (2, 3, 4), (2, 3, 4), (2, 3, 4), 0.05, 0.05)

        def tile_of_batch(self):
            return self._unary(OPERATOR.TILE, (2, 3, 2, 2), (4, 3, 6, 2),
                               constants=[lambda m: m.numbers([2, 1, 3, 1])])

        def broadcast_to_rank_5(self):
            return self._unary(OPERATOR.BROADCAST_TO, (2, 1, 3, 1), (2, 2, 2, 3, 4),
                               constants=[lambda m: m.numbers([2, 2, 2, 3, 4])], version=3)

        def convolution_of_batch(self):
            return self._windowed(
                "Conv2D", (3, 5, 4, 3), (5, 3, 3, 3), (3, 3, 2, 5), padding=SAME, strideH=2,
                strideW=2, fusedActivationFunction=RELU, dilationHFactor=1, dilationWFactor=1)

        def depthwise_of_batch(self):
            return self._windowed(
                "DepthwiseConv2D", (2, 4, 5, 3), (1, 3, 3, 3), (2, 4, 5, 3), padding=SAME, strideH=1,
                strideW=1, depthMultiplier=1, fusedActivationFunction=NONE, dilationHFactor=1,
                dilationWFactor=1, out_scale=0.2)

        def average_pool_of_batch(self):
            return self._pool(OPERATOR.AVERAGE_POOL_2D, (2, 5, 4, 3), (3, 2), (2, 2), SAME,
                              (2, 3, 2, 3), RELU)

        def max_pool_of_batch(self):
            return self._pool(
                OPERATOR.MAX_POOL_2D, (3, 4, 4, 2), (2, 2), (2, 2), VALID, (3, 2, 2, 2))

        def _rows(self, shape, out, keeps, **fields):
            model, source, target = self._fully_connected(
                shape[-1], out[-1], scales=self._scales(fields.pop("channels", 1)), shape=shape,
                **fields)
            model.tensors[target].shape = list(out)
            model.operators[-1].builtinOptions.keepNumDims = keeps
            return model, source, target

        def fully_connected_rows(self):
            return self._rows((1, 7, 12), (1, 7, 9), True)

        def fully_connected_rows_flat(self):
            return self._rows((2, 3, 12), (6, 5), False, channels=5)

        def fully_connected_rows_int4(self):
            return self._rows((2, 3, 2, 11), (2, 3, 2, 6), True, bits=4)

        def batch_matmul(self):
            """With a constant matrix for all of a batch."""
            model = Model()
            source = model.tensor((2, 3, 4, 5), INT8, 0.05, 3)
            other = self._constant(model, (5, 6), 0.02, -11)
            target = model.tensor((2, 3, 4, 6), INT8, 0.07, 9)
            model.add(OPERATOR.BATCH_MATMUL, [source, other], [target],
                      options("BatchMatMul", adjX=False, adjY=False), 2)
            return model, source, target

        def batch_matmul_turned(self):
            """A tensor's products with itself, as in attention."""
            model = Model()
            source = model.tensor((2, 4, 6), INT8, 0.05, 3)
            target = model.tensor((2, 4, 4), INT8, 0.4, -9)
            model.add(OPERATOR.BATCH_MATMUL, [source, source], [target],
                      options("BatchMatMul", adjX=False, adjY=True), 2)
            return model, source, target

        def batch_matmul_of_columns(self):
            model = Model()
            source = model.tensor((3, 1, 6, 4), INT8, 0.05, 3)
            other = self._constant(model, (1, 2, 5, 6), 0.02, -11)
            target = model.tensor((3, 2, 4, 5), INT8, 0.1, 9)
            model.add(OPERATOR.BATCH_MATMUL, [source, other], [target],
                      options("BatchMatMul", adjX=True, adjY=True), 2)
            return model, source, target

        def _gathered(self, shape, axis, indices):
            out = list(shape)
            out[axis:axis + 1] = np.shape(indices)
            return self._unary(
                OPERATOR.GATHER, shape, out, constants=[lambda m: m.numbers(indices)],
                opts=options("Gather", axis=axis, batchDims=0), version=2)

        def gather_channels(self):
            return self._gathered((1, 3, 2, 6), 3, [5, 0, 0, 3, 1])

        def gather_rows(self):
            return self._gathered((4, 3, 5), 0, [[2, 1], [3, 3]])

        def gather_pixels(self):
            return self._gathered((2, 5, 3, 2), 1, [1, 4, 2])

        def reverse(self):
            return self._unary(OPERATOR.REVERSE_V2, (2, 4, 3), (2, 4, 3),
                               constants=[lambda m: m.numbers([1])], version=3)

        def _mirrored(self, mode):
            return self._unary(
                OPERATOR.MIRROR_PAD, (1, 4, 3, 2), (1, 6, 6, 2), constants=[lambda m: m.numbers(
                    [[0, 0], [2, 0], [1, 2], [0, 0]])], opts=options("MirrorPad", mode=mode),
                version=2)

        def mirror_pad_reflect(self):
            return self._mirrored(0)

        def mirror_pad_symmetric(self):
            return self._mirrored(1)

        def _resized(self, code, name, shape, out, **fields):
            return self._unary(code, shape, out, constants=[lambda m: m.numbers(out[1:3])],
                               opts=options(name, **fields), version=3)

        def _bilinear(self, shape, out, corners=False, halves=False):
            return self._resized(OPERATOR.RESIZE_BILINEAR, "ResizeBilinear", shape, out,
                                 alignCorners=corners, halfPixelCenters=halves)

        def resize_bilinear(self):
            return self._bilinear((1, 4, 3, 5), (1, 7, 8, 5))

        def resize_bilinear_corners(self):
            return self._bilinear((1, 4, 3, 5), (1, 7, 8, 5), corners=True)

        def resize_bilinear_halves(self):
            return self._bilinear((2, 5, 6, 3), (2, 3, 11, 3), halves=True)

        def _nearest(self, shape, out, corners=False, halves=False):
            return self._resized(OPERATOR.RESIZE_NEAREST_NEIGHBOR, "ResizeNearestNeighbor", shape,
                                 out, alignCorners=corners, halfPixelCenters=halves)

        def resize_nearest_any(self):
            return self._nearest((1, 4, 3, 5), (1, 7, 8, 5))

        def resize_nearest_corners(self):
            return self._nearest((1, 4, 3, 5), (1, 8, 6, 5), corners=True)

        def resize_nearest_halves(self):
            return self._nearest((2, 5, 6, 3), (2, 3, 11, 3), halves=True)

        def resize_nearest_batch(self):
            return self._nearest((2, 3, 2, 4), (2, 6, 4, 4))

        def space_to_batch(self):
            return self._unary(
                OPERATOR.SPACE_TO_BATCH_ND, (1, 5, 4, 3), (6, 3, 2, 3), constants=[
                    lambda m: m.numbers([2, 3]), lambda m: m.numbers([[1, 0], [1, 1]])], version=2)

        def batch_to_space(self):
            return self._unary(
                OPERATOR.BATCH_TO_SPACE_ND, (6, 3, 2, 3), (1, 5, 4, 3), constants=[
                    lambda m: m.numbers([2, 3]), lambda m: m.numbers([[1, 0], [1, 1]])], version=2)

        def _table(self, code, in_scale, in_zero, out_scale, out_zero, opts=None, version=1):
            return self._unary(code, (2, 8, 16, 4), (2, 8, 16, 4), in_scale, in_zero, out_scale,
                               out_zero, opts=opts, version=version)

        def absolute(self):
            return self._table(OPERATOR.ABS, 0.05, 4, 0.037, -120, version=2)

        def absolute_on_one_scale(self):
            return self._table(OPERATOR.ABS, 0.05, 4, 0.05, -100, version=2)

        def exp(self):
            return self._table(OPERATOR.EXP, 0.03, 20, 0.11, -128, version=2)

        def gelu(self):
            return self._table(OPERATOR.GELU, 0.04, 3, 0.02, -119, options("Gelu", approximate=False))

        def gelu_tanh(self):
            return self._table(OPERATOR.GELU, 0.04, 3, 0.02, -119, options("Gelu", approximate=True))

        def log(self):
            return self._table(OPERATOR.LOG, 0.05, -100, 0.03, 30, version=2)

        def sqrt(self):
            return self._table(OPERATOR.SQRT, 0.05, -128, 0.0151, -128, version=2)

        def rsqrt(self):
            return self._table(OPERATOR.RSQRT, 0.05, -128, 0.0083, -128, version=2)

        def _prelu(self, slopes):
            model = Model()
            source = model.tensor((1, 5, 4, 3), INT8, 0.05, 7)
            target = model.tensor((1, 5, 4, 3), INT8, 0.043, -30)
            model.add(OPERATOR.PRELU, [source, self._constant(model, slopes, 0.004, 9)], [target])
            return model, source, target

        def prelu(self):
            return self._prelu((1, 1, 3))

        def prelu_of_elements(self):
            return self._prelu((5, 4, 3))

        def softmax_of_batch(self):
            return self._unary(
                OPERATOR.SOFTMAX, (3, 4, 7), (3, 4, 7), 0.11, 9, 1 / 256, -128,
                opts=options("Softmax", beta=1.0), version=2)

    return AnyRankCases
