"""Finds and repairs what a model conversion broke, from Python and with live PyTorch modules.

    import fetafix
    result = fetafix.check(module, "model.onnx", data)
    result = fetafix.localize(module, "model.tflite", data)
    result = fetafix.repair("model.onnx", module, data)

What does the work is the program `fetafix`; this package gives it live modules as exported programs, and gives back its result.
"""

from .pairs import check, localize, repair
from .program import Error
from .repairs import Change
from .results import Fault, Location, Result
from .weights import load

__version__ = "0.1.0"
__all__ = ["check", "localize", "repair", "load", "Change", "Error", "Fault", "Location", "Result"]
