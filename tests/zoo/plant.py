"""Plants one fault in a native file: plant.py IN OUT --fault NAME --seed N [--place I] [--json FILE]; plant.py --list

Independent of fetafix: it works on the file's own objects (plant_onnx.py, plant_tflite.py), one table of faults a format.
The place is drawn by the seed among the places where the fault applies and the planted file still runs in its own
runtime; --place I takes the I-th place of all instead. Beside OUT goes a record of the truth:

    fault, pattern (its number in the list of recurrent patterns, or null), class, format
    index, op_type, node   the operator touched, by its index in OUT's node list (main graph); for an inserted operator itself
    index_in               its index in IN's node list; null for an inserted one
    ends                   for an inserted or removed operator: indices in OUT of the operators on both sides of the edge
    slot or attribute      what of it changed
    effect_on_noise        largest output difference between IN and OUT on one noise sample (null: the shapes differ)
"""

import argparse
import copy
import json
import random
import sys
from pathlib import Path

import numpy

import oracle


class DoesNotApply(Exception):
    """Raised by a fault when the place that it was given can't take it."""


def run_on_noise(path):
    model = oracle.load(path)
    samples = [numpy.random.default_rng(0).standard_normal(shape, numpy.float32) for shape in model.shapes]
    return model.run(samples)


def difference(before, after):
    if [b.shape for b in before] != [a.shape for a in after]:
        return None
    return max(float(numpy.abs(numpy.asarray(b, float) - numpy.asarray(a, float)).max()) for b, a in zip(before, after))


def format_of(path):
    if path.suffix == ".tflite":
        import plant_tflite as planter
    else:
        import plant_onnx as planter
    return planter


def attempt(planter, original, fault, place, seed, output):
    """Writes OUT with the fault at that place, and returns the record; raises if it can't be there."""
    model = copy.deepcopy(original)
    file = planter.File(model)
    record = fault.apply(file, place, numpy.random.default_rng(seed))
    planter.write(model, output)
    return record


def plant(options):
    planter = format_of(options.input)
    faults = {fault.name: fault for fault in planter.FAULTS}
    if options.fault not in faults:
        sys.exit(f"no fault '{options.fault}' for {planter.FORMAT}; there are: {', '.join(faults)}")
    fault = faults[options.fault]
    original = planter.read(options.input)
    places = fault.places(planter.File(copy.deepcopy(original)))
    if not places:
        sys.exit(f"{options.fault}: {options.input.name} has no place for it")
    if options.place is not None:
        if options.place >= len(places):
            sys.exit(f"{options.fault}: place {options.place} of {len(places)}")
        order = [options.place]
    else:
        order = random.Random(f"{options.seed} {options.fault}").sample(range(len(places)), len(places))
    before = run_on_noise(options.input)
    partial = options.output.with_name(f".partial-{options.output.name}")
    reason = ""
    for index in order:
        try:
            record = attempt(planter, original, fault, places[index], options.seed, partial)
            after = run_on_noise(partial)
        except DoesNotApply as error:
            reason = str(error)
            continue
        except Exception as error:  # the runtime's refusal has a different type in each runtime
            reason = str(error).split("\n")[0][:200]
            continue
        partial.replace(options.output)
        return {"fault": fault.name, "pattern": fault.pattern, "class": fault.kind, "format": planter.FORMAT, **record,
                "place": index, "places": len(places), "seed": options.seed,
                "effect_on_noise": difference(before, after)}
    partial.unlink(missing_ok=True)
    sys.exit(f"{options.fault}: none of {len(order)} places of {options.input.name} takes it; last: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input", type=Path, nargs="?")
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("--fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=int)
    parser.add_argument("--json", type=Path, help="the record; without it on standard output")
    parser.add_argument("--list", action="store_true", help="print the faults of both formats")
    options = parser.parse_args()
    if options.list:
        for planter in (format_of(Path("a.onnx")), format_of(Path("a.tflite"))):
            for fault in planter.FAULTS:
                print(f"{planter.FORMAT}\t{fault.name}\t{fault.kind}\t{fault.pattern or '-'}")
        return
    if not (options.input and options.output and options.fault):
        parser.error("IN, OUT and --fault are needed")
    record = json.dumps(plant(options), indent=1)
    options.json.write_text(record + "\n") if options.json else print(record)


if __name__ == "__main__":
    main()
