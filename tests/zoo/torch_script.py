"""Nets of torch_nets.py and EfficientNet-Lite0 as TorchScript: torch_script.py NET OUT.pt --how HOW [--state FILE]

    traced     what one sample ran through, module by module
    scripted   the Python text of the modules, with its branches
    frozen     the traced one, with its weights in one method and normalization folded into the convolutions before
"""

import argparse
import json
import warnings

import torch

import torch_export
from script_walk import INPUTS, dtype_of

FORMS = ("traced", "scripted", "frozen")


def save(model, sample, how, path):
    """With what says of which shape and dtype the input is, for those that run the file."""
    with torch.no_grad():
        script = torch.jit.script(model) if how == "scripted" else torch.jit.trace(model, sample)
        script = torch.jit.freeze(script) if how == "frozen" else script
        torch.jit.save(script, path, _extra_files={INPUTS: json.dumps([[list(sample.shape), dtype_of(sample)]])})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("net", choices=[torch_export.LITE0, *torch_export.torch_nets.NETS])
    parser.add_argument("output")
    parser.add_argument("--how", choices=FORMS, default=FORMS[0])
    parser.add_argument("--state")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    model, side = torch_export.network(options)
    save(model, torch.zeros(1, 3, side, side), options.how, options.output)


if __name__ == "__main__":
    main()
