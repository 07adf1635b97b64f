"""The program `fetafix`: where it is, what it is told, and how a run of it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROGRAM = "FETAFIX_PROGRAM"
SECONDS_TO_END = 10  # a repair that is interrupted first says where its best result lies


class Error(Exception):
    """fetafix could not do what it was asked: a wrong option, a file that can't be read, a missing runtime, a module that can't be
    exported. `code` is the exit code of the program (docs/command-line.md); 2 where this package itself refuses."""

    def __init__(self, message, code=2):
        super().__init__(message)
        self.code = code


def find():
    """The program: $FETAFIX_PROGRAM, else the one of the build tree that this package lies in, else `fetafix` on the PATH."""
    named = os.environ.get(PROGRAM)
    if named:
        if not os.access(named, os.X_OK):
            raise Error(f"{PROGRAM} names '{named}', which is no program")
        return named
    built = Path(__file__).resolve().parents[2] / "build/release/bin/fetafix"
    if os.access(built, os.X_OK):
        return str(built)
    found = shutil.which("fetafix")
    if not found:
        raise Error(f"the program fetafix was not found: neither {built} nor on the PATH; build it (make build), or name it in "
                    f"{PROGRAM}")
    return found


def words_of(options):
    """Keywords as the command line has them: `fail_on="latent"` is --fail-on latent, True a flag alone, None and False nothing; a
    list is the option several times, and a dict is that with NAME=VALUE."""
    words = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, dict):
            value = [f"{key}={item}" for key, item in value.items()]
        if value is True:
            words.append(option)
        elif isinstance(value, (list, tuple)):
            words += [word for item in value for word in (option, os.fspath(item) if isinstance(item, Path) else str(item))]
        elif value is not None and value is not False:
            words += [option, str(value)]
    return words


def environment():
    """This interpreter is the first that the program looks for frameworks in; --python names another one alone."""
    here = str(Path(sys.executable).parent) if sys.executable else ""
    return dict(os.environ, PATH=os.pathsep.join(filter(None, [here, os.environ.get("PATH", "")])))


def call(words):
    """Runs the program: (exit code, standard output, standard error). It does not outlive an exception here, Ctrl-C among them."""
    command = [find(), *map(str, words)]
    # In a thread, which Ctrl-C does not reach: a program that runs has a name here.
    with ThreadPoolExecutor(1) as starter:
        child = starter.submit(subprocess.Popen, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True, errors="replace", env=environment())
        try:
            out, err = child.result().communicate()
        except BaseException:
            if child.exception() is None:
                end(child.result())
            raise
    code = child.result().returncode
    if code == 130:
        raise KeyboardInterrupt
    return code, out, err


def end(child):
    """Its workers end with it: they read from its pipes."""
    try:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=SECONDS_TO_END)
    except BaseException:  # a second Ctrl-C too
        child.kill()
        child.wait()


def refused(code, err, names):
    """What the program said, with the modules' names for the files that stood for them."""
    message = err.strip()
    for path, name in names.items():
        message = message.replace(str(path), name)
    lines = [line for line in message.splitlines() if line.startswith("fetafix: ")]
    said = "\n".join(line.removeprefix("fetafix: ") for line in lines) or message or f"fetafix ended with exit code {code}"
    return Error(said, code)


def run(command, words, result, names):
    """(result of the program as it wrote it in JSON, exit code, its text). Errors are raised."""
    code, out, err = call([command, *words])
    if code not in (0, 1) or not Path(result).exists():
        raise refused(code, err, names)
    return json.loads(Path(result).read_text()), code, out
