"""A PyTorch program decomposed into the core operators: core_program.py IN.pt2 OUT.pt2"""

import sys

import torch

torch.export.save(torch.export.load(sys.argv[1]).run_decompositions(), sys.argv[2])
