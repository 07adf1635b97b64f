"""Runs .pt2 and .pt files for oracle.py, in the environment that has torch: torch_run.py ADDRESS

Listens at a socket, and works on each connection in a child of its own, because a damaged file may end the runtime and torch
takes seconds to import. A connection names its file and the number of samples at a time, is told the shapes and dtypes of the
inputs, and then sends lists of arrays and gets lists of arrays; a text is a refusal. Ends with the process that started it,
whose end closes standard input. A pair (name or None, arrays) asks for values inside: for one, or for dtype and shape of all; of
a .pt file for one, or for its operators. (dictionary, arrays) changes a .pt file as script_edit.py has it.
"""

import io
import os
import select
import signal
import sys
import warnings
from multiprocessing.connection import Listener

import torch
from torch.export import export, load, save
from torch.utils import _pytree as pytree

import script_edit
from script_walk import Script, Walk

WAIT = 120  # seconds for one answer


def slots(program):
    """(shape with None for what is free, dtype) of each input."""
    names = program.graph_signature.user_inputs
    values = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    return [([d if isinstance(d, int) else None for d in values[name].shape], str(values[name].dtype).split(".")[-1])
            for name in names]


def run(program, module, arrays):
    tensors = [torch.from_numpy(array.copy()) for array in arrays]
    positional, named = pytree.tree_unflatten(tensors, program.call_spec.in_spec)
    with torch.no_grad():
        result = module(*positional, **named)
    return [value.detach().numpy() for value in pytree.tree_leaves(result)]


class Watched(torch.fx.Interpreter):
    """Runs the nodes one by one, and notes what they give."""

    def run_node(self, node):
        result = super().run_node(node)
        for value in result if isinstance(result, (list, tuple)) else [result]:
            self.note(node, value)
        return result

    def note(self, node, value):
        if isinstance(value, torch.Tensor):
            self.seen[node.name] = value.detach()


def inside(program, wanted, arrays):
    """The value of that name, or (dtype, sizes, strides) of all."""
    watched = Watched(program.graph_module)
    watched.seen = {}
    state = {**program.state_dict, **program.constants}
    names = [spec.target for spec in program.graph_signature.input_specs if spec.target is not None]
    with torch.no_grad():
        watched.run(*(state[name] for name in names), *(torch.from_numpy(array.copy()) for array in arrays))
    if wanted is not None:
        return watched.seen[wanted].numpy()
    return {name: (str(v.dtype).split(".")[-1], list(v.shape), list(v.stride())) for name, v in watched.seen.items()}


class Program:
    def __init__(self, path):
        self.program = load(path)
        self.module, self.slots = self.program.module(), slots(self.program)

    def answer(self, message):
        return inside(self.program, *message) if isinstance(message, tuple) else run(self.program, self.module, message)


class Scripted:
    """A .pt file."""

    def __init__(self, path):
        self.path, self.module, self.slots = path, torch.jit.load(path), Script(path).slots

    def answer(self, message):
        if not isinstance(message, tuple):
            with torch.no_grad():
                result = self.module(*(torch.from_numpy(array.copy()) for array in message))
            return [value.detach().numpy() for value in pytree.tree_leaves(result)]
        what, arrays = message
        if isinstance(what, dict):
            return script_edit.edited(self.path, arrays, what)
        return script_edit.told(Script(self.path), arrays) if what is None else Walk(Script(self.path), arrays).values[what].numpy()


def serve(connection):
    signal.alarm(WAIT)
    path = connection.recv()
    file = Scripted(path) if path.endswith(".pt") else Program(path)
    connection.send(file.slots)
    while True:
        signal.alarm(0)
        message = connection.recv()
        signal.alarm(WAIT)
        connection.send(file.answer(message))


def session(connection):
    try:
        serve(connection)
    except EOFError:
        pass
    except BaseException as error:  # a refusal has many types, some of them no Exception
        connection.send(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def warm():
    """What torch imports and prepares when it loads its first program, once for all children. Threads would not reach those."""
    torch.set_num_threads(1)
    whole = io.BytesIO()
    save(export(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()), (torch.zeros(1, 2),)), whole)
    load(whole).module()(torch.zeros(1, 2))
    warnings.simplefilter("ignore")
    whole = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), whole)
    torch.jit.load(io.BytesIO(whole.getvalue()))(torch.zeros(1, 2))


def main():
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with Listener(sys.argv[1], "AF_UNIX", backlog=16) as listener:
        print("ready", flush=True)
        socket = listener._listener._socket
        while True:
            readable, _, _ = select.select([socket, sys.stdin], [], [])
            if sys.stdin in readable:
                break
            connection = listener.accept()
            if os.fork() == 0:
                session(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main()
