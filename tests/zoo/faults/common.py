"""What the tables of all formats share: the kinds, an entry's fields, and which operators are live.

A fault has `places(file)`, all places where it may apply (an operator's index, or a tuple that starts with one), and
`apply(file, place, draw)`, which changes the file and returns the record of what was touched, or raises DoesNotApply.
`recognizer` is False for the kinds of fault that no recognizer is written for, `loads` False for those whose file has to be
refused by its own runtime. `batch` is the number of samples at a time that shows the fault.
"""

from collections import namedtuple

PARAMETERS, HYPERPARAMETERS, GRAPH = "parameters", "hyperparameters", "graph"
TENSOR_STRUCTURE, QUANTIZATION, INPUT = "tensor-structure", "quantization", "input"
# Patterns of two types: both classes are right.
TWO_CLASSES = {7: {HYPERPARAMETERS, INPUT}, 8: {HYPERPARAMETERS, GRAPH}, 14: {TENSOR_STRUCTURE, PARAMETERS},
               20: {HYPERPARAMETERS, GRAPH}, 23: {PARAMETERS, HYPERPARAMETERS}}

Fault = namedtuple("Fault", "name kind pattern places apply recognizer loads batch", defaults=(True, True, 1))


class DoesNotApply(Exception):
    """Raised by a fault when the place that it was given can't take it."""


def broken(name, kind, places, apply):
    return Fault(name, kind, None, places, apply, loads=False)


def unrecognized(name, kind, places, apply):
    return Fault(name, kind, None, places, apply, recognizer=False)


def live_operators(operators, fed, outputs):
    """(indices of the operators on a way from an input to an output, all fed values).

    operators: (what it reads, what it writes, whether it asks for a shape) of each; shape computations are on no way."""
    fed, forward = set(fed), set()
    for index, (inputs, results, is_shape) in enumerate(operators):
        if not is_shape and fed & set(inputs):
            forward.add(index)
            fed.update(results)
    needed, backward = set(outputs), set()
    for index in range(len(operators) - 1, -1, -1):
        if needed & set(operators[index][1]):
            backward.add(index)
            needed.update(operators[index][0])
    return sorted(forward & backward), fed
