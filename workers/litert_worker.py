"""Runs TFLite files in the user's LiteRT (PyPI ai-edge-litert): PYTHON litert_worker.py

Started by fetafix; speaks docs/worker-protocol.md, the calls of the tflite worker. A second implementation of the
same runtime, to tell a fault of one from a fault of the file.
"""

import importlib.metadata
import sys

import numpy as np

from fetafix_worker import WorkerError, serve

RESOLVERS = {"xnnpack": "AUTO", "builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "reference": "BUILTIN_REF"}


def interpreter_module():
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        raise WorkerError("runtime_missing", f"ai-edge-litert: {error}; run '{sys.executable} -m pip install "
                                             "ai-edge-litert'") from error
    return interpreter


def hello():
    interpreter_module()
    return {"worker": "litert", "version": importlib.metadata.version("ai-edge-litert")}


def spec(detail):
    """An input or output as the protocol describes it."""
    scale, zero_point = detail["quantization"]
    dtype = np.dtype(detail["dtype"]).name
    shape = detail.get("shape_signature")
    shape = detail["shape"] if shape is None or len(shape) == 0 else shape
    members = {"name": detail["name"], "dtype": dtype, "shape": [int(d) for d in shape]}
    if scale:
        members.update(scale=float(scale), zero_point=int(zero_point))
    return members


class Model:
    """An interpreter that gives the same outputs for the same inputs however often it runs."""

    def __init__(self, request, tensors):
        module = interpreter_module()
        kernels = request.get("kernels", "xnnpack")
        if kernels not in RESOLVERS:
            raise WorkerError("usage", f"tflite.kernels: expected {', '.join(RESOLVERS)}, found '{kernels}'")
        source = {"model_path": request["path"]} if "path" in request else {
            "model_content": bytes(dict(tensors)["model"])}
        self.make = lambda: module.Interpreter(
            num_threads=max(1, request.get("threads", 1)),
            experimental_op_resolver_type=getattr(module.OpResolverType, RESOLVERS[kernels]), **source)
        self.fresh()
        self.inputs = [spec(d) for d in self.interpreter.get_input_details()]
        self.outputs = [spec(d) for d in self.interpreter.get_output_details()]
        self.stateful = self.keeps_resources()

    def keeps_resources(self):
        try:
            operators = self.interpreter._get_ops_details()
        except AttributeError:  # not public; without it every run gets a new interpreter
            return True
        return any(operator["op_name"] in ("VAR_HANDLE", "CALL_ONCE") for operator in operators)

    def fresh(self):
        self.interpreter = self.make()
        self.interpreter.allocate_tensors()
        self.used = False

    def run(self, tensors, wanted):
        # Resources die only with the interpreter; variable tensors can be reset.
        if self.used and self.stateful:
            self.fresh()
        interpreter = self.interpreter
        details = interpreter.get_input_details()
        if len(tensors) != len(details):
            raise WorkerError("runtime_failed", f"expected {len(details)} inputs, found {len(tensors)}")
        self.resize(details, tensors)
        if self.used:
            interpreter.reset_all_variables()
        for detail, (_, array) in zip(details, tensors):
            interpreter.set_tensor(detail["index"], array)
        self.used = True
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        if wanted:
            by_name = {d["name"]: d for d in reversed(outputs)}
            outputs = [by_name[name] for name in wanted]
        return [(d["name"], interpreter.get_tensor(d["index"])) for d in outputs]

    def resize(self, details, tensors):
        resized = False
        for detail, (_, array) in zip(details, tensors):
            if tuple(detail["shape"]) != array.shape:
                self.interpreter.resize_tensor_input(detail["index"], array.shape)
                resized = True
        if resized:
            self.interpreter.allocate_tensors()


models = {}


def handle(call, request, tensors):
    if call == "load":
        session = max(models, default=0) + 1
        models[session] = model = Model(request, tensors)
        return {"session": session, "inputs": model.inputs, "outputs": model.outputs}, []
    model = models.get(request.get("session"))
    if model is None:
        raise WorkerError("internal", f"no session {request.get('session')}")
    if call == "run":
        try:
            return {}, model.run(tensors, request.get("outputs", []))
        except Exception:
            model.fresh()  # in no state to go on
            raise
    if call == "unload":
        del models[request["session"]]
        return {}, []
    raise WorkerError("internal", f"no call '{call}' here")


if __name__ == "__main__":
    sys.exit(serve(hello, handle))
