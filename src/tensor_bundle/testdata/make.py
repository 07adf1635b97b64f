"""Writes the bundles beside it, as TensorFlow 2.21 makes them: build/venv/bin/python src/tensor_bundle/testdata/make.py

types     one shard: the types that we hold, a string, a complex number, a scalar, an empty tensor
sharded   two shards, one tensor in each, merged into one bundle as training on two hosts does
sliced    a partitioned variable: two slices of one tensor
"""

import glob
import os
import shutil
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy
import tensorflow as tf

HERE = Path(__file__).parent
save, merge = tf.raw_ops.SaveV2, tf.raw_ops.MergeV2Checkpoints


def write(prefix, tensors, slices=None):
    names = list(tensors)
    values = [tf.constant(value) for value in tensors.values()]
    save(prefix=str(prefix), tensor_names=names, shape_and_slices=slices or [""] * len(names), tensors=values)


def main():
    for old in glob.glob(str(HERE / "*.index")) + glob.glob(str(HERE / "*.data-*")):
        os.remove(old)
    counting = numpy.arange(6).reshape(2, 3)
    kinds = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
    types = {f"layer/{kind}/.ATTRIBUTES/VARIABLE_VALUE": counting.astype(kind) for kind in kinds}
    types |= {"bfloat16": tf.cast(counting, tf.bfloat16), "bool": counting % 2 == 0, "complex": numpy.array([1 + 2j]),
              "empty": numpy.zeros((0, 3), "float32"), "scalar": numpy.float32(0.5), "text": numpy.array(["", "two words"])}
    write(HERE / "types", types)

    parts = [HERE / f"part{i}" for i in range(2)]
    write(parts[0], {"a": numpy.arange(4, dtype="float32")})
    write(parts[1], {"b": numpy.arange(5, dtype="int64")})
    merge(checkpoint_prefixes=[str(part) for part in parts], destination_prefix=str(HERE / "sharded"), delete_old_dirs=False)

    half = numpy.arange(6, dtype="float32").reshape(2, 3)
    for i in range(2):
        write(parts[i], {"table": half + 6 * i}, [f"4 3 {2 * i},2:-"])
    merge(checkpoint_prefixes=[str(part) for part in parts], destination_prefix=str(HERE / "sliced"), delete_old_dirs=False)
    shutil.rmtree(HERE / "__pycache__", ignore_errors=True)


if __name__ == "__main__":
    main()
