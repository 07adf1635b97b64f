"""What the configuration of a Keras file leaves out, asked of Keras itself in a child process.

That is the order of layers and weights: Keras stores weights by it, and finds it anew from the edges whenever it loads a file.
And the shapes, which files of Keras 2 and a Sequential in .h5 do not have.
"""

import json
import multiprocessing
import os

WAIT = 120  # seconds


def load_keras(generation):
    """The package that writes such files; what TensorFlow says of the machine is kept off the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if generation == 2:
        import tf_keras
        return tf_keras
    import keras
    return keras


def build(model):
    """Without its weights. Only for files that the tests made themselves: no check of what they would run."""
    keras = load_keras(model.generation)
    config = {key: value for key, value in model.config.items() if key not in ("compile_config", "training_config")}
    if model.generation == 2:
        return keras.models.model_from_json(json.dumps(config))
    if model.is_archive:
        return keras.saving.deserialize_keras_object(config)
    from keras.src.legacy.saving import saving_utils
    return saving_utils.model_from_config(config)


def is_model(layer):
    return hasattr(layer, "layers") and hasattr(layer, "summary")


def layers_of(model):
    """[name, class, those of a model or None, whether it is a layer] in the order in which Keras writes them; Keras 3 has
    functions among them that are no layers."""
    operations = model.operations if hasattr(model, "operations") else model.layers
    layers = {id(layer) for layer in model.layers}
    return [[one.name, type(one).__name__, layers_of(one) if is_model(one) else None, id(one) in layers] for one in operations]


def weights_of(layer, generation):
    name = "path" if generation == 3 else "name"
    return [getattr(weight, name) for weight in [*layer.trainable_weights, *layer.non_trainable_weights]]


def order_in(model):
    built = build(model)
    return {"layers": layers_of(built), "weights": {layer.name: weights_of(layer, model.generation) for layer in built.layers}}


def shape_of(tensors):
    """None for a layer of several tensors or calls."""
    return None if isinstance(tensors, (list, tuple, dict)) else list(tensors.shape)


def shapes_in(model):
    """(shape that it reads, shape that it makes) of each layer of the outer model that is called once."""
    found = {}
    for layer in build(model).layers:
        try:
            found[layer.name] = [shape_of(layer.input), shape_of(layer.output)]
        except (AttributeError, ValueError):  # Keras 2, Keras 3: it is called more than once, or never
            continue
    return found


def _answer(question, model, pipe):
    try:
        pipe.send(question(model))
    except Exception:  # a damaged configuration fails in ways of its own
        pipe.send(None)


def ask(question, model):
    """None where Keras refuses the configuration."""
    load_keras(model.generation)  # once, in the parent: the import takes longer than all else
    context = multiprocessing.get_context("fork")
    mine, child = context.Pipe(False)
    process = context.Process(target=_answer, args=(question, model, child))
    process.start()
    child.close()
    try:
        answer = mine.recv() if mine.poll(WAIT) else None
    except EOFError:
        answer = None
    process.kill()
    process.join()
    return answer


def order_of(model):
    """{"layers": as layers_of has them, "weights": {layer: names}}"""
    return ask(order_in, model)


def shapes_of(model):
    return ask(shapes_in, model) or {}
