"""What workers in Python that run models share beyond the protocol.

    serve_models(hello, make)

answers load, run and unload for models that make(request, tensors) builds. Such a model has `inputs`, `outputs` (as the
protocol describes them), `also` (further members of the answer to load) and run(tensors, wanted).
"""

import gc
import os
import re
from pathlib import Path

from fetafix_worker import WorkerError, serve

MOST_MESSAGE, MOST_LINE = 1500, 400  # characters of an error of a framework: some hold a whole configuration
HEAD = 300  # of a message that is cut; the rest is its end, where the cause is

# A line of a stack, and the line of code that may follow it.
STACK = re.compile(r'^ *File ".*", line \d+.*\n?(?: {4,}(?!File ").*\n?)?|^Traceback .*\n?', re.MULTILINE)


def cause(error):
    """The text of an error without the lines that say where in a framework it was raised."""
    lines = [line.strip() for line in STACK.sub("", f"{type(error).__name__}: {error}").splitlines()]
    half = MOST_LINE // 2
    text = " | ".join(line if len(line) <= MOST_LINE else f"{line[:half]} ... {line[-half:]}" for line in lines if line)
    return text if len(text) <= MOST_MESSAGE else text[:HEAD] + " ... " + text[HEAD - MOST_MESSAGE:]


def numbered(names):
    """y, y#2, y#3: a name for each of several outputs that come from one place."""
    seen, out = {}, []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out


def place(request, tensors, folder):
    """The path of the file to load; bytes are written into the folder."""
    if "path" in request:
        return os.path.abspath(request["path"])
    path = os.path.join(folder, "model")
    Path(path).write_bytes(bytes(dict(tensors)["model"]))
    return path


def named_so(path, folder, suffix):
    """The same file under a name with that suffix, by which its framework goes whatever the file is called."""
    named = os.path.join(folder, "named" + suffix)
    os.symlink(path, named)
    return named


def chosen(outputs, wanted):
    """The names of the outputs to give: `wanted`, or all."""
    names = [output["name"] for output in outputs]
    if unknown := [name for name in wanted if name not in names]:
        raise WorkerError("usage", f"no output '{unknown[0]}'; there is {', '.join(names)}")
    return wanted or names


def check_inputs(specs, arrays):
    """Frameworks cast in silence, and so hide that they were fed something else. What has no type takes any."""
    if len(arrays) != len(specs):
        raise WorkerError("runtime_failed", f"expected {len(specs)} inputs, found {len(arrays)}")
    for spec, array in zip(specs, arrays):
        if spec["dtype"] not in ("unknown", array.dtype.name):
            raise WorkerError("runtime_failed", f"input '{spec['name']}': expected {spec['dtype']}, found {array.dtype.name}")


def serve_models(hello, make):
    models = {}

    def answer(call, request, tensors):
        if call == "load":
            model = make(request, tensors)
            session = max(models, default=0) + 1
            models[session] = model
            return dict(model.also, session=session, inputs=model.inputs, outputs=model.outputs), []
        model = models.get(request.get("session"))
        if model is None:
            raise WorkerError("internal", f"no session {request.get('session')}")
        if call == "run":
            return {}, model.run(tensors, request.get("outputs", []))
        if call == "unload":
            del models[request["session"]], model
            gc.collect()  # a model and the functions made from it point at each other
            return {}, []
        raise WorkerError("internal", f"no call '{call}' here")

    def handle(call, request, tensors):
        try:
            return answer(call, request, tensors)
        except (WorkerError, MemoryError):
            raise
        except Exception as error:
            raise WorkerError("runtime_failed", cause(error)) from None

    return serve(hello, handle)
