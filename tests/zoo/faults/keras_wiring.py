"""Keras: layers too many, too few or in other places, and edges that lead elsewhere."""

from faults.common import GRAPH, HYPERPARAMETERS, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.keras_graph import INPUT, change_setting, of
from keras_file import is_operation, places_listed

ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "GELU")
MERGES = ("Add", "Multiply", "Subtract", "Average", "Maximum")
SWAPPED = ("Subtract", "TrueDivide", "Divide", "Power")  # layers, and functions of keras.ops


def drop(file, index, draw):
    return file.remove(index)


def require_same_shape(file, index):
    before, after = file.shape(index), file.result_shape(index)
    if before is not None and after is not None and before != after:
        raise DoesNotApply("it changes the shape")


def drop_same(file, index, draw):
    require_same_shape(file, index)
    return file.remove(index)


def layers(*types):
    """Without the functions of keras.ops that are called the same."""
    return lambda file: [i for i in file.of_type(*types) if not is_operation(file.calls[i].entry)]


residuals = layers("Add")


def bypass(file, index, draw):
    """One operand is kept, and the others are read elsewhere, too."""
    producers = [producer for producer, _ in file.calls[index].inputs]
    alone = {p for p in producers if p is not INPUT and len(file.readers(p)) < 2}
    kept = [slot for slot, p in enumerate(producers) if alone <= {p} and file.shape(index, slot) == file.result_shape(index)]
    if len(producers) < 2 or not kept:
        raise DoesNotApply("other layers would not be needed any more, or its shape changes")
    return file.remove(index, kept[draw.integers(len(kept))])


def swap_operands(file, index, draw):
    refs = file.require_graph(index).refs
    if len(refs) < 2:
        raise DoesNotApply("it has one operand")
    first, second = map(int, draw.choice(len(refs), 2, replace=False)) if len(refs) > 2 else (0, 1)
    one, other = refs[first], refs[second]
    if list(one.place) == list(other.place) or one.shape != other.shape:
        raise DoesNotApply("its operands are the same, or of other shapes")
    place = list(one.place)
    one.set(list(other.place))
    other.set(place)
    return file.record(index, slot=sorted([first, second]))


def rewire(file, index, draw):
    """Another earlier value of the same model and shape."""
    call = file.require_graph(index)
    slot = int(draw.integers(len(call.refs)))
    ref = call.refs[slot]
    places = [list(r.place) for r in call.refs]
    earlier = [r for c in file.calls if c.model is call.model and c.refs and c.index <= index for r in c.refs
               if list(r.place) not in places and r.shape is not None and r.shape == ref.shape]
    if not earlier:
        raise DoesNotApply("no other value has that shape")
    new = earlier[draw.integers(len(earlier))]
    before = list(ref.place)
    ref.set(list(new.place))
    file.refresh()
    file.require_all_live()
    return file.record(index, slot=slot, before=before, after=list(new.place))


def permute_before(file, index, slot, dims):
    shape = file.shape(index, slot)
    after = None if shape is None else [shape[0], *(shape[d] for d in dims)]
    return file.inserted(file.insert_before(index, slot, "Permute", {"dims": dims}, after))


def require_square(file, index, slot=0):
    shape = file.shape(index, slot)
    if shape is None or len(shape) != 4 or shape[1] != shape[2] or not shape[1] or shape[1] < 2:
        raise DoesNotApply("height and width are not equal")


def insert_permute(file, index, draw):
    """Height and width swapped on the edge into one operator, where they are equal."""
    require_square(file, index)
    return permute_before(file, index, 0, [2, 1, 3])


def permute_input(file, index, draw):
    """The same right behind a model input."""
    call = file.calls[index]
    readers = [reader for reader, slot in file.readers(INPUT) if call.inputs[0] == file.calls[reader].inputs[slot]]
    if len(readers) > 1:
        raise DoesNotApply("the input is read more than once")
    require_square(file, index)
    return permute_before(file, index, 0, [2, 1, 3])


def reads_input(file):
    return [i for i in file.live if INPUT in [producer for producer, _ in file.calls[i].inputs[:1]]]


def permute_before_merging(file, index, draw):
    """Flatten or Reshape over axes in another order: channels first, or columns before rows."""
    shape = file.shape(index)
    if shape is None or len(shape) < 3 or sum(n != 1 for n in shape[1:]) < 2:
        raise DoesNotApply("nothing is merged")
    return permute_before(file, index, 0, [3, 1, 2] if len(shape) == 4 else [2, 1])


def change_permutation(file, index, draw):
    dims, shape = file.settings(index)["dims"], file.shape(index)
    if shape is None:
        raise DoesNotApply("its shape is not known")
    pairs = [(a, b) for b in range(len(dims)) for a in range(b) if shape[dims[a]] == shape[dims[b]] != 1]
    if not pairs:
        raise DoesNotApply("no two axes are equal")
    a, b = pairs[draw.integers(len(pairs))]
    after = list(dims)
    after[a], after[b] = after[b], after[a]
    return change_setting(file, index, "dims", after)


def insert_layer(class_name, **settings):
    """One that keeps the shape, on the edge into an operator."""
    def apply(file, index, draw):
        return file.inserted(file.insert_before(index, 0, class_name, settings))
    return apply


def insert_padding(file, index, draw):
    """A border of zeros that was not there, of which a convolution makes another size, or a shift."""
    shape = file.shape(index)
    if shape is None or len(shape) != 4:
        raise DoesNotApply("it has no height and width")
    after = [shape[0], shape[1] + 1, shape[2] + 1, shape[3]]
    settings = {"padding": [[1, 0], [1, 0]], "data_format": "channels_last"}
    return file.inserted(file.insert_before(index, 0, "ZeroPadding2D", settings, after))


def insert_rescaling(file, index, draw):
    """Half of the values: a preprocessing that was done before."""
    return file.inserted(file.insert_before(index, 0, "Rescaling", {"scale": 0.5, "offset": 0.0}))


def swap_outputs(file, index, draw):
    config = file.model.config["config"]
    places = places_listed(config.get("output_layers"))
    if len(places) < 2:
        raise DoesNotApply("it has one output")
    places[0][:], places[1][:] = list(places[1]), list(places[0])
    return {**file.record(index), "slot": [0, 1], "attribute": "output_layers"}


def swap_sizes(file, index, draw):
    """Two dimensions of a Reshape in the other order, and the numbers as they come."""
    before = file.settings(index)["target_shape"]
    pairs = [(a, b) for b in range(len(before)) for a in range(b) if before[a] != before[b]]
    if not pairs:
        raise DoesNotApply("its sizes are equal")
    a, b = pairs[draw.integers(len(pairs))]
    after = list(before)
    after[a], after[b] = after[b], after[a]
    return change_setting(file, index, "target_shape", after)


def windows(file):
    return file.of_type("Conv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D")


G, T, H = GRAPH, TENSOR_STRUCTURE, HYPERPARAMETERS
FAULTS = [
    Fault("activation-removed", G, None, of(*ACTIVATIONS), drop_same),
    Fault("norm-removed", G, None, of("BatchNormalization", "LayerNormalization"), drop_same),
    Fault("rescaling-removed", G, None, of("Rescaling"), drop_same),
    Fault("node-bypassed", G, 26, layers(*MERGES), bypass),
    Fault("edge-rewired", G, 26, lambda f: layers(*MERGES)(f) + f.of_type("Concatenate"), rewire),
    Fault("outputs-swapped", G, 26, lambda f: f.live[-1:], swap_outputs),
    Fault("operands-swapped", G, 25, of(*SWAPPED), swap_operands),
    Fault("concat-order", G, 26, of("Concatenate"), swap_operands),
    Fault("transpose-inserted", T, 13, lambda f: f.live, insert_permute),
    Fault("transpose-dropped", T, 13, of("Permute"), drop_same),
    Fault("transpose-order", T, 13, of("Permute"), change_permutation),
    Fault("input-transposed", T, 13, reads_input, permute_input),
    Fault("flatten-order", T, 14, of("Flatten", "Reshape"), permute_before_merging),
    Fault("reshape-sizes", T, None, of("Reshape"), swap_sizes),
    Fault("activation-inserted", G, None, of("Conv2D", "Add", "BatchNormalization", "Dense"), insert_layer("ReLU")),
    Fault("padding-inserted", G, None, windows, insert_padding),
    Fault("rescaling-inserted", G, None, lambda f: f.live, insert_rescaling),
    Fault("normalization-inserted", G, None, of("Dense", "Add"),
          insert_layer("UnitNormalization", axis=-1)),
]
