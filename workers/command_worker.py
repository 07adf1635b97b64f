"""Runs a model wherever the user's own command runs it: PYTHON command_worker.py

Started by fetafix; speaks docs/worker-protocol.md on one side and docs/target-command.md on the other. What goes in and comes
out of the model is told by `load`, for a command does not say.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from fetafix_worker import WorkerError, serve


class Command:
    """The user's program, started once and asked sample by sample."""

    def __init__(self, request):
        self.text = request["command"]
        self.inputs, self.outputs = request["inputs"], request["outputs"]
        self.folder = tempfile.TemporaryDirectory(prefix="fetafix-command-")
        environment = dict(os.environ, FETAFIX_MODEL=request["path"])
        self.process = subprocess.Popen(["/bin/sh", "-c", self.text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)

    def failed(self, why):
        return WorkerError("runtime_failed", f"the command '{self.text}' {why}; see docs/target-command.md")

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self.failed(f"does not read its input any more (exit code {self.process.poll()})") from error
        for answer in self.process.stdout:
            answer = answer.strip()
            if answer == "ok":
                return
            if answer.startswith("error"):
                raise self.failed("answers: " + answer)
            print(answer)  # what it says besides; the last lines are shown when something goes wrong
        raise self.failed(f"ended without an answer (exit code {self.process.wait()})")

    def run(self, tensors):
        given, answered = Path(self.folder.name) / "inputs.npz", Path(self.folder.name) / "outputs.npz"
        answered.unlink(missing_ok=True)
        np.savez(given, **dict(tensors))
        self.ask(json.dumps({"inputs": str(given), "outputs": str(answered)}))
        try:
            with np.load(answered, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError) as error:
            raise self.failed(f"said ok, and its outputs can't be read: {error}") from error
        names = [output["name"] for output in self.outputs]
        if len(names) == 1 and len(found) == 1:
            return [(names[0], next(iter(found.values())))]
        if missing := [name for name in names if name not in found]:
            raise self.failed(f"gave {sorted(found)}, without {missing}")
        return [(name, found[name]) for name in names]

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.folder.cleanup()
            os.killpg(0, signal.SIGKILL)  # what the shell has started too, and this worker, which is done
        self.folder.cleanup()


commands = {}


def handle(call, request, tensors):
    if call == "load":
        session = max(commands, default=0) + 1
        commands[session] = Command(request)
        return {"session": session, "inputs": request["inputs"], "outputs": request["outputs"]}, []
    command = commands.get(request.get("session"))
    if command is None:
        raise WorkerError("internal", f"no session {request.get('session')}")
    if call == "run":
        return {}, command.run(tensors)
    if call == "unload":
        commands.pop(request["session"]).end()
        return {}, []
    raise WorkerError("internal", f"no call '{call}' here")


if __name__ == "__main__":
    code = serve(lambda: {"worker": "command", "version": "1"}, handle)
    for command in commands.values():
        command.end()
    sys.exit(code)
