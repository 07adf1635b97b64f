"""The lstm net of keras_nets.py in Keras 2, with the same weights: legacy_lstm.py LSTM.keras OUT_DIR (a SavedModel)

Keras 3 writes its recurrent layers as loops; Keras 2 marks them, so that converters make one LSTM operator of each. The
two make a pair that is right and differs in structure as much as a pair can.
"""

import sys

import keras
import tensorflow as tf
import tf_keras
from tf_keras import layers


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    weights = keras.models.load_model(sys.argv[1], compile=False).get_weights()
    image = tf_keras.Input((48, 48, 3), name="image")
    x = layers.Dense(48, activation="tanh")(layers.Reshape((48, 144))(image))
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(x)
    x = layers.LSTM(48)(layers.LayerNormalization()(x))
    model = tf_keras.Model(image, layers.Dense(8, name="logits")(x))
    model.set_weights(weights)
    signature = tf.function(lambda image: {"logits": model(image)},
                            input_signature=[tf.TensorSpec((1, 48, 48, 3), tf.float32, name="image")])
    tf.saved_model.save(model, sys.argv[2], signatures=signature)


if __name__ == "__main__":
    main()
