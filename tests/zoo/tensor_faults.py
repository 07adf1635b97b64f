"""What a fault does to the numbers of one tensor: the same for every format.

Each takes (array, axis of the output channels, random generator) and returns the array that replaces it, or None where
nothing would change.
"""

import numpy


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
