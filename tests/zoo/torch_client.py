"""The zoo's environment with torch, asked from the one without: starts torch_run.py once and connects to it for each file."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from multiprocessing.connection import Client
from pathlib import Path

PYTHON = Path(sys.prefix).parent / "torch/bin/python"  # beside the environment that runs this
_servers = []


def address():
    """Of the server, which this process or the one that it was forked from started."""
    if not _servers:
        folder = tempfile.mkdtemp(prefix="zoo_torch_")
        path = f"{folder}/socket"
        process = subprocess.Popen([PYTHON, Path(__file__).with_name("torch_run.py"), path], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{PYTHON} has no torch that runs")
        _servers.append((path, process))
        atexit.register(shutil.rmtree, folder, True)
    return _servers[0][0]


class Session:
    """One loaded file."""

    def __init__(self, path):
        self.connection = Client(address(), "AF_UNIX")
        self.slots = self.ask(str(Path(path).resolve()))

    def ask(self, message):
        self.connection.send(message)
        try:
            answer = self.connection.recv()
        except EOFError:
            raise RuntimeError("torch ended") from None
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer
