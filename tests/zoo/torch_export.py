"""Nets of torch_nets.py and EfficientNet-Lite0 as PyTorch writes them today: torch_export.py NET OUT [--state FILE] [...]

OUT is a .pt2 file (torch.export), or an .onnx file of the exporter that goes by way of it. --state has the weights that
torch_nets.py --state wrote, so that the files are of the same function as those that an older PyTorch exported.

    --free-batch   the batch is a free dimension
    --core         decomposed into the core operators
    --folded       batch normalization folded into the convolutions before
"""

import argparse
import contextlib
import sys
import warnings

import torch
from torch.fx.experimental.optimization import fuse

import torch_nets

OPSET = 18
LITE0 = "lite0"


def network(options):
    if options.net == LITE0:
        import export_torch
        return export_torch.load().eval(), 224
    return torch_nets.restored(options.net, options.state), torch_nets.SIDE


def exported(model, side, free_batch=False):
    """With two samples where the batch is free: a batch of one counts as a fixed one."""
    sample = torch.zeros(2 if free_batch else 1, 3, side, side)
    dimensions = ({0: torch.export.Dim("batch")},) if free_batch else None
    return torch.export.export(model, (sample,), dynamic_shapes=dimensions, strict=False)


def write_onnx(model, side, path):
    with contextlib.redirect_stdout(sys.stderr):  # it prints its progress
        program = torch.onnx.export(model, (torch.zeros(1, 3, side, side),), dynamo=True, opset_version=OPSET,
                                    input_names=["image"], output_names=["logits"], external_data=False)
        program.save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("net", choices=[LITE0, *torch_nets.NETS])
    parser.add_argument("output")
    parser.add_argument("--state")
    for name in ("free-batch", "core", "folded"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    model, side = network(options)
    model = fuse(model) if options.folded else model
    # Under its own name at once: the archive's folder is called after it.
    if options.output.endswith(".onnx"):
        write_onnx(model, side, options.output)
    else:
        program = exported(model, side, options.free_batch)
        torch.export.save(program.run_decompositions() if options.core else program, options.output)


if __name__ == "__main__":
    main()
