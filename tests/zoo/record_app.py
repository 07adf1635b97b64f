"""An app that feeds a model in its own way: record_app.py MODEL OUT.npz --photos DIR [--right NAME] [--mistakes LIST]

Runs a file (.onnx, .tflite) in the Python package of its own runtime on each photograph and keeps what it answers, as
`--target-outputs` takes it. The preprocessing is the one called NAME with the mistakes of LIST made in it. Pillow and numpy
make the input: nothing is shared with what has to find the mistakes.
"""

import argparse
from pathlib import Path

import numpy
from PIL import Image

import oracle

# How the input is made when nothing is wrong: values, filter, whether the center 7/8 is cut out.
RIGHT = {
    "efficientnet-lite": ("lite0", Image.BICUBIC, True),
    "mobilenet": ("mobilenet", Image.BILINEAR, True),
    "keras-tf": ("mobilenet", Image.BILINEAR, False),
    "keras-torch": ("torch", Image.BILINEAR, False),
}
MEAN, STD = numpy.array([0.485, 0.456, 0.406]), numpy.array([0.229, 0.224, 0.225])
CAFFE = numpy.array([103.939, 116.779, 123.68])
VALUES = {
    **oracle.VALUES,
    "half": lambda x: x / 255 - 0.5,
    "torch": lambda x: (x / 255 - MEAN) / STD,
    "mean": lambda x: x / 255 - MEAN,
    "caffe": lambda x: x[..., ::-1] - CAFFE,
}
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "box": Image.BOX}
MISTAKES = [*VALUES, "bgr", "axes", "reshape", *FILTERS, "crop", "nocrop"]


def picture(path, side, filter_, cropped):
    image = Image.open(path).convert("RGB")
    if cropped:
        width, height = image.size
        square = int(min(width, height) * 0.875)
        left, top = round((width - square) / 2), round((height - square) / 2)
        image = image.crop((left, top, left + square, top + square))
    return numpy.asarray(image.resize((side, side), filter_)).astype(numpy.float64)


def app_input(path, shape, right, mistakes):
    values, filter_, cropped = RIGHT[right]
    values = next((m for m in mistakes if m in VALUES), values)
    filter_ = next((FILTERS[m] for m in mistakes if m in FILTERS), filter_)
    cropped = "nocrop" not in mistakes and (cropped or "crop" in mistakes)
    first = shape[1] == 3
    pixels = picture(path, shape[2], filter_, cropped)
    if "bgr" in mistakes:
        pixels = pixels[..., ::-1]
    numbers = VALUES[values](pixels)
    if "axes" in mistakes:
        numbers = numbers.transpose(1, 0, 2)
    # A reshape in place of a transposition: the numbers stay in the order of the other layout.
    if ("reshape" in mistakes) != first:
        numbers = numbers.transpose(2, 0, 1)
    return numpy.ascontiguousarray(numbers).reshape(shape).astype(numpy.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--right", choices=sorted(RIGHT), default="efficientnet-lite")
    parser.add_argument("--mistakes", default="", help="with commas: " + ", ".join(MISTAKES))
    options = parser.parse_args()
    mistakes = [m for m in options.mistakes.split(",") if m]
    if unknown := set(mistakes) - set(MISTAKES):
        parser.error(f"no such mistake: {', '.join(sorted(unknown))}")
    model = oracle.load(options.model)
    paths = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in oracle.IMAGES)
    inputs = [app_input(path, model.shapes[0], options.right, mistakes) for path in paths]
    answers = [numpy.asarray(model.run([one])[0]).reshape(-1) for one in inputs]
    numpy.save(options.output, numpy.stack(answers))


if __name__ == "__main__":
    main()
