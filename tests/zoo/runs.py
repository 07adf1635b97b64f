"""Whether a native file runs, and what it gives on noise: in a child process, because a damaged file may end its runtime."""

import multiprocessing

import numpy

import oracle
import torch_client
from kinds import kind_of

WAIT = 120  # seconds


class Refused(Exception):
    """The runtime does not load or run the file."""


def _run(path, batch, pipe):
    try:
        model = oracle.load(path, batch=batch)
        samples = [numpy.random.default_rng(0).standard_normal(shape, numpy.float32) for shape in model.shapes]
        pipe.send([numpy.asarray(output) for output in model.run(samples)])
    except Exception as error:  # a refusal has a different type in each runtime
        pipe.send(f"{type(error).__name__}: {error}".split("\n")[0][:200])


def outputs_on_noise(path, batch=1):
    if kind_of(path) == "keras":
        oracle.keras_of(path)  # once, in the parent: the import takes longer than a run
    if kind_of(path) == "tensorflow":
        import tensorflow  # noqa: F401  the same
    if kind_of(path) in ("torch", "script"):
        torch_client.address()  # the server, once
    context = multiprocessing.get_context("fork")
    mine, child = context.Pipe(False)
    process = context.Process(target=_run, args=(path, batch, child))
    process.start()
    child.close()
    try:
        answer = mine.recv() if mine.poll(WAIT) else "it takes too long"
    except EOFError:
        answer = "the runtime ended"
    process.kill()
    process.join()
    if isinstance(answer, str):
        raise Refused(answer)
    return answer


def difference(before, after):
    """The largest, or None where the shapes differ."""
    if [b.shape for b in before] != [a.shape for a in after]:
        return None
    pairs = [(numpy.asarray(b, float), numpy.asarray(a, float)) for b, a in zip(before, after)]
    if any((numpy.isfinite(b) != numpy.isfinite(a)).any() for b, a in pairs):
        return float("inf")
    return max(float(numpy.abs(numpy.nan_to_num(b) - numpy.nan_to_num(a)).max()) for b, a in pairs)


def has_effect(before, after):
    """More than rounding: an equivalent mutant is no fault."""
    change = difference(before, after)
    scale = max(float(numpy.abs(numpy.nan_to_num(numpy.asarray(b, float))).max()) for b in before)
    return change is None or change > 1e-5 * scale
