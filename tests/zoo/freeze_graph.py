"""The signature of a SavedModel as a frozen graph: variables become constants, calls their functions, and TensorFlow's graph
optimizer folds what it can.

    freeze_graph.py SAVED_MODEL OUT.pb
"""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def main(folder, output):
    import tensorflow
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = tensorflow.saved_model.load(folder)  # which owns the variables
    frozen = convert_variables_to_constants_v2(model.signatures["serving_default"]).graph.as_graph_def()
    Path(output).write_bytes(frozen.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
