"""What a fault does to the numbers of one tensor: the same for every format.

Each takes (array, axis of the output channels, random generator) and returns the array that replaces it, or None where
nothing would change.
"""

import numpy

from faults.common import PARAMETERS, Fault


def noise(array, axis, draw):
    return array + draw.normal(0, 0.1 * array.std() or 0.1, array.shape).astype(array.dtype)


def scale_small(array, axis, draw):
    return array * array.dtype.type(1.01)


def scale_large(array, axis, draw):
    return array * array.dtype.type(1.5)


def permuted(array, axis, draw):
    if array.shape[axis] < 2:
        return None
    order = numpy.roll(draw.permutation(array.shape[axis]), 1)
    return numpy.take(array, order, axis)


def random(array, axis, draw):
    return draw.normal(array.mean(), array.std() or 0.1, array.shape).astype(array.dtype)


def zero(array, axis, draw):
    return numpy.zeros_like(array)


def one_channel(array, axis, draw):
    """One output channel loses its values: the smallest fault that has a place inside a tensor."""
    changed = array.copy()
    numpy.moveaxis(changed, axis, 0)[draw.integers(array.shape[axis])] = 0
    return changed


def transposed(height, width):
    """The two spatial axes of a kernel, swapped."""
    def swap(array, axis, draw):
        if array.ndim != 4 or array.shape[height] != array.shape[width] or array.shape[height] < 2:
            return None
        return numpy.swapaxes(array, height, width)
    return swap


def reinterpreted(order):
    """The kernel was reshaped where it had to be transposed: the same numbers in another order."""
    def change(array, axis, draw):
        if array.ndim != 4:
            return None
        return numpy.ascontiguousarray(numpy.transpose(array, order)).reshape(array.shape)
    return change


def _scaled(array, axis, draw):
    shape = [1] * array.ndim
    shape[axis] = array.shape[axis]
    return array * draw.uniform(0.6, 1.6, shape).astype(array.dtype)


def channel_scales(array, axis, draw):
    """Every output channel scaled by its own factor, the bias not: a normalization folded by halves."""
    return _scaled(array, axis, draw) if array.ndim == 4 else None


def other_axis_scales(array, axis, draw):
    """Scales of a normalization applied along the input channels."""
    if array.ndim != 4:
        return None
    other = max((a for a in range(4) if a != axis % 4), key=lambda a: array.shape[a])
    return _scaled(array, other, draw)


def merged_rows(array, axis, shape):
    """Rows of a Dense behind a Flatten of `shape`: counted with the last of the merged axes first."""
    merged = [n for n in shape[1:] if n != 1]
    while merged and numpy.prod(merged) != array.shape[axis]:
        merged = merged[1:]
    if len(merged) < 2:
        return None
    order = numpy.arange(array.shape[axis]).reshape(merged)
    order = numpy.moveaxis(order, 0, -1).ravel() if len(merged) > 2 else order.T.ravel()
    return numpy.take(array, order, axis)


def low_rank(array, axis, draw):
    """A quarter of the singular values of the matrix (output channels by the rest)."""
    matrix = numpy.moveaxis(array, axis, 0).astype(numpy.float64)
    shape = matrix.shape
    left, values, right = numpy.linalg.svd(matrix.reshape(shape[0], -1), full_matrices=False)
    if len(values) < 4:
        return None
    values[len(values) // 4:] = 0
    return numpy.moveaxis(((left * values) @ right).reshape(shape), 0, axis).astype(array.dtype)


def swap_gates(axis):
    """Gate blocks 0 and 1 of an LSTM or GRU, where they lie along that axis."""
    def change(array, _, draw):
        size = array.shape[axis]
        count = 4 if size % 4 == 0 and size % 3 else 3
        if size % count:
            return None
        blocks = numpy.split(array, count, axis=axis)
        return numpy.concatenate([blocks[1], blocks[0], *blocks[2:]], axis=axis)
    return change


def faults_of_loops(places, change, axis):
    """Numbers that a loop's steps are made with; the gates lie along `axis`."""
    return [
        Fault("loop-numbers-noise", PARAMETERS, 23, places, change(noise)),
        Fault("loop-numbers-permuted", PARAMETERS, 23, places, change(lambda array, _, draw: permuted(array, axis, draw))),
        Fault("loop-gates", PARAMETERS, 23, places, change(swap_gates(axis))),
    ]


def faults_of_weights(weights, kernels, change, foreign, space, channels, layout):
    """The part of a format's table that is about weights: where they are, how one changes them, and which dimensions are
    height and width, and both kinds of channels; `layout` is the order in which another format keeps them."""
    def fault(name, pattern, places, numbers):
        return Fault(name, PARAMETERS, pattern, places, change(numbers))

    return [
        fault("weights-noise", None, weights, noise),
        fault("weights-scale-small", 17, weights, scale_small),
        fault("weights-scale-large", 17, weights, scale_large),
        fault("weights-permuted", 18, weights, permuted),
        fault("weights-random", None, weights, random),
        fault("weights-one-channel", None, weights, one_channel),
        Fault("weights-foreign", PARAMETERS, 26, weights, foreign),
        fault("kernel-transposed", 18, weights, transposed(*space)),
        fault("kernel-swapped-channels", 18, kernels, transposed(*channels)),
        fault("kernel-layout", 18, kernels, reinterpreted(layout)),
        fault("fold-each-channel", 17, kernels, channel_scales),
        fault("fold-wrong-axis", 17, kernels, other_axis_scales),
    ]
