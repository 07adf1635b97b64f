"""Runs .pt2 files for oracle.py, in the environment that has torch: torch_run.py ADDRESS

Listens at a socket, and works on each connection in a child of its own, because a damaged file may end the runtime and torch
takes seconds to import. A connection names its file and the number of samples at a time, is told the shapes and dtypes of the
inputs, and then sends lists of arrays and gets lists of arrays; a text is a refusal. Ends with the process that started it,
whose end closes standard input.
"""

import os
import select
import signal
import sys
from multiprocessing.connection import Listener

import torch
from torch.export import load
from torch.utils import _pytree as pytree

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


def serve(connection):
    signal.alarm(WAIT)
    torch.set_num_threads(1)
    program = load(connection.recv())
    module = program.module()
    connection.send(slots(program))
    while True:
        signal.alarm(0)
        arrays = connection.recv()
        signal.alarm(WAIT)
        connection.send(run(program, module, arrays))


def session(connection):
    try:
        serve(connection)
    except EOFError:
        pass
    except BaseException as error:  # a refusal has many types, some of them no Exception
        connection.send(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with Listener(sys.argv[1], "AF_UNIX") as listener:
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
