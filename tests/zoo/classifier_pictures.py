"""Crops of the licensed photographs to train a classifier on, which photograph each shows: classifier_pictures.py OUT.npz

The photographs themselves are left out: they are what tests look at.
"""

import sys
import tempfile
from pathlib import Path

import numpy
from PIL import Image

import photos

SIDE, CROPS, HELD_BACK = 48, 24, 6  # of each photograph


def main(output):
    images, labels = [], []
    with tempfile.TemporaryDirectory() as folder:
        for label, original in enumerate(photos.copy_originals(photos.SETS["licensed"], Path(folder))):
            for number in range(CROPS + HELD_BACK):
                crop = photos.derive(original, number).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
                images.append(numpy.asarray(crop))
                labels.append(label)
    of_each = [numpy.stack(side).reshape(-1, CROPS + HELD_BACK, *numpy.shape(side[0])) for side in (images, labels)]
    trained, held = ([side[:, part].reshape(-1, *side.shape[2:]) for side in of_each]
                     for part in (slice(CROPS), slice(CROPS, None)))
    numpy.savez(output, images=trained[0], labels=trained[1], held_images=held[0], held_labels=held[1])


if __name__ == "__main__":
    main(sys.argv[1])
