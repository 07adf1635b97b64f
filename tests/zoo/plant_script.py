"""TorchScript files (.pt) for plant.py: the faults of PyTorch programs, in what torch says that a script runs.

The operators are those that the script runs, in order, wherever in its methods they stand; known by the path of their module.
"""

from faults import script_broken, torch_attributes, torch_parameters, torch_unrecognized, torch_windows, torch_wiring
from faults.torch_graph import File  # noqa: F401
from plant_torch import TAG, remove_tags, set_tags, tags_of  # noqa: F401
from script_file import Script

FORMAT = "script"
FAULTS = [fault for part in (torch_parameters, torch_windows, torch_attributes, torch_wiring, torch_unrecognized, script_broken)
          for fault in part.FAULTS]


def read(path):
    return Script(path)


def write(model, path):
    tags = [node.pop(TAG, None) for node in model.graph["nodes"]]
    model.write(path)
    for node, tag in zip(model.graph["nodes"], tags):
        if tag is not None:
            node[TAG] = tag


def paths(model, original):
    """The name of each operator in the file that was written."""
    return model.names
