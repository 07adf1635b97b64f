"""The arrays of a .keras file by their paths, as an .npz file for an environment without Keras: keras_arrays.py IN OUT"""

import io
import sys
import zipfile

import h5py
import numpy

arrays = {}
with zipfile.ZipFile(sys.argv[1]) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
    file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
numpy.savez(sys.argv[2], **arrays)
