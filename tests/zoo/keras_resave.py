"""A Keras 3 file as Keras 2 rebuilds and writes it, with the same weights: keras_resave.py IN.keras OUT.h5

Neither reads the other's files: the layers are made once more from their settings, whose names differ in a few.
"""

import inspect
import sys

import keras
import tf_keras

def rebuilt(layer):
    """Without initializers and the like, whose settings are packed in other ways."""
    made = getattr(tf_keras.layers, type(layer).__name__)
    known = {"name", "trainable", *inspect.signature(made.__init__).parameters}
    return made(**{name: value for name, value in layer.get_config().items() if name in known and not isinstance(value, dict)})


def main(source, output):
    original = keras.models.load_model(source, compile=False)
    values = {}
    for layer in original.layers:
        if isinstance(layer, keras.layers.InputLayer):
            values[layer.output.name] = tf_keras.Input(layer.output.shape[1:], name=layer.name)
            continue
        operands = layer.input if isinstance(layer.input, list) else [layer.input]
        operands = [values[operand.name] for operand in operands]
        values[layer.output.name] = rebuilt(layer)(operands if len(operands) > 1 else operands[0])
    model = tf_keras.Model([values[t.name] for t in original.inputs], [values[t.name] for t in original.outputs])
    model.set_weights(original.get_weights())
    model.save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
