"""Plants faults in a native file.

    plant.py IN OUT --fault NAME --seed N [--place I] [--json FILE]    one fault
    plant.py IN OUT --count K --seed N [--near] [--json FILE]          K different ones at K places (plant_many.py)
    plant.py --list                                                    the faults of all formats

Independent of fetafix: it works on the file's own objects (plant_onnx.py, plant_tflite.py, plant_keras.py,
plant_tensorflow.py, plant_torch.py, plant_script.py, faults/), one table of faults a format. The place is drawn by the seed among the places
where the fault applies, the planted file still runs in its own runtime and something changes on noise (where nothing changes
anywhere, the first that runs); --place I takes the I-th place of all instead. A fault whose file must not run is placed where the runtime refuses it. Beside OUT goes a
record of the truth:

    fault, pattern (its number in the list of recurrent patterns, or null), class, format
    index, op_type, node   the operator touched, by its index in OUT's node list (main graph); for an inserted operator itself
    index_in               its index in IN's node list; null for an inserted one
    ends                   for an inserted or removed operator: indices in OUT of the operators on both sides of the edge
    paths                  of a SavedModel or a script: the paths of all operators that were touched
    slot or attribute      what of it changed
    effect_on_noise        largest output difference between IN and OUT on one noise sample (null: the shapes differ, or it does
                           not run)
    recognizer             "none" for the kinds that no recognizer is written for
    loads, refusal         false, and what the runtime said
    batch                  2 where it takes two samples at a time to see it
"""

import argparse
import copy
import importlib
import json
import random
import sys
from pathlib import Path

import numpy

from faults.common import DoesNotApply
from kinds import kind_of, move, remove
from runs import Refused, difference, has_effect, outputs_on_noise


def format_of(path):
    return importlib.import_module(f"plant_{kind_of(path)}")


def attempt(planter, original, fault, place, seed, output):
    """Writes OUT with the fault at that place, and returns the record; raises if it can't be there."""
    model = copy.deepcopy(original)
    file = planter.File(model)
    record = fault.apply(file, place, numpy.random.default_rng(seed))
    return with_places(planter, original, model, renumbered(record, planter.write(model, output)))


def renumbered(record, numbers):
    """With the indices that operators have in OUT; numbers: {before: after} of a format that sorts them, or None."""
    if not numbers:
        return record
    single = {key: numbers.get(record[key]) for key in ("index", "inserted") if record.get(key) is not None}
    several = {key: sorted(numbers[i] for i in record[key] if i in numbers) for key in ("ends", "also") if key in record}
    return {**record, **single, **several}


def with_places(planter, original, model, record):
    """Of a format whose operators are known by paths: those of all that was touched."""
    if planter.FORMAT not in ("tensorflow", "script"):
        return record
    paths = planter.paths(model, original)
    numbers = [record.get("inserted"), *record.get("ends", []), *record.get("also", [])]
    own = [] if record["index"] is None else [record["node"] if planter.FORMAT == "tensorflow" else paths[record["index"]]]
    return {**record, "paths": sorted({*own, *(paths[n] for n in numbers if n is not None)} - {None})}


def describe(fault, planter, record):
    about = {"fault": fault.name, "pattern": fault.pattern, "class": fault.kind, "format": planter.FORMAT, **record}
    if not fault.recognizer:
        about["recognizer"] = "none"
    if fault.batch > 1:
        about["batch"] = fault.batch
    return about


def require_run_alone(path):
    """What takes several samples to see must run with one."""
    try:
        outputs_on_noise(path)
    except Refused as error:
        raise DoesNotApply(str(error)) from error


def outcome(fault, before, path):
    """(what there is to say about the planted file, whether it is as the fault wants it)"""
    if fault.batch > 1:
        require_run_alone(path)
    try:
        after = outputs_on_noise(path, fault.batch)
    except Refused as error:
        if fault.loads and fault.batch == 1:
            raise DoesNotApply(str(error)) from error
        return {"effect_on_noise": None, **({} if fault.loads else {"loads": False, "refusal": str(error)})}, True
    if not fault.loads:
        raise DoesNotApply("the runtime takes it")
    return {"effect_on_noise": difference(before, after)}, has_effect(before, after)


def places_in_order(options, fault, places):
    if options.place is None:
        return random.Random(f"{options.seed} {fault.name}").sample(range(len(places)), len(places))
    if options.place >= len(places):
        sys.exit(f"{fault.name}: place {options.place} of {len(places)}")
    return [options.place]


def plant(options):
    planter = format_of(options.input)
    faults = {fault.name: fault for fault in planter.FAULTS}
    if options.fault not in faults:
        sys.exit(f"no fault '{options.fault}' for {planter.FORMAT}; there are: {', '.join(faults)}")
    fault = faults[options.fault]
    original = planter.read(options.input)
    places = fault.places(planter.File(copy.deepcopy(original)))
    if not places:
        sys.exit(f"{fault.name}: {options.input.name} has no place for it")
    before = outputs_on_noise(options.input, fault.batch)
    partial, best = (options.output.with_name(f".{word}-{options.output.name}") for word in ("partial", "best"))
    reason, kept = "", None
    for index in places_in_order(options, fault, places):
        try:
            record = attempt(planter, original, fault, places[index], options.seed, partial)
            seen, is_wanted = outcome(fault, before, partial)
        except Exception as error:  # the place, or what a package makes of the damaged file
            reason = str(error).split("\n")[0][:200]
            continue
        if is_wanted or kept is None:
            kept = {**describe(fault, planter, record), "place": index, "places": len(places), "seed": options.seed, **seen}
            move(partial, best)
        if is_wanted:
            break
    remove(partial)
    if kept is None:
        sys.exit(f"{fault.name}: none of the places of {options.input.name} takes it; last: {reason}")
    move(best, options.output)
    return kept


def print_list():
    for planter in map(format_of, ("a.onnx", "a.tflite", "a.keras", "a_saved_model", "a.pt2", "a.pt")):
        for fault in planter.FAULTS:
            marks = [*([] if fault.recognizer else ["recognizer: none"]), *([] if fault.loads else ["loads: false"])]
            print(f"{planter.FORMAT}\t{fault.name}\t{fault.kind}\t{fault.pattern or '-'}\t{', '.join(marks) or '-'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input", type=Path, nargs="?")
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("--fault")
    parser.add_argument("--count", type=int, help="that many different faults")
    parser.add_argument("--near", action="store_true", help="with --count: within a few operators of each other")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=int)
    parser.add_argument("--json", type=Path, help="the record; without it on standard output")
    parser.add_argument("--list", action="store_true", help="print the faults of all formats")
    options = parser.parse_args()
    if options.list:
        print_list()
        return
    if not (options.input and options.output and (options.fault or options.count)):
        parser.error("IN, OUT and --fault or --count are needed")
    if options.count:
        from plant_many import plant_many
        result = plant_many(options)
    else:
        result = plant(options)
    record = json.dumps(result, indent=1)
    options.json.write_text(record + "\n") if options.json else print(record)


if __name__ == "__main__":
    main()
