"""Several different faults in one file at disjoint places: plant.py --count.

Each fault alone changes what the file computes, and so does each on top of those before it; the file runs. No two touch the
same operators. The record is a list of plant.py's records, with all indices those of the final file.
"""

import copy
import random
import sys

import numpy

from faults.common import DoesNotApply
from kinds import remove
from plant import describe, format_of, with_places
from runs import difference, has_effect, outputs_on_noise

NEAR = 4  # edges between two places
# About the whole file, about many operators, or hiding what is before them.
NOT_WITH_OTHERS = ("outputs-swapped", "inputs-swapped", "shared-constant", "constants-swapped", "subgraph-frozen")
PLACES, ROUNDS = 8, 3  # tried of one fault in a round; then a fault may come again elsewhere


class Together:
    """The file so far, and which operators (by their tags) were touched."""

    def __init__(self, options):
        self.options, self.planter = options, format_of(options.input)
        self.original = self.planter.read(options.input)
        self.model = copy.deepcopy(self.original)
        self.size = len(self.planter.tags_of(self.model))
        self.planter.set_tags(self.model, range(self.size))
        self.next_tag = self.size
        self.partial = options.output.with_name(f".partial-{options.output.name}")
        self.before = self.last = outputs_on_noise(options.input)
        self.records, self.touched = [], set()

    def run(self, model):
        self.planter.write(model, self.partial)
        return outputs_on_noise(self.partial)

    def is_allowed(self, index):
        """No neighbor of what was touched; with --near within a few edges of it."""
        if not self.touched:
            return True
        tags = self.planter.tags_of(self.model)
        neighbors = self.planter.File(copy.deepcopy(self.model)).neighbors()
        reached = edge = {index}
        for distance in range(NEAR + 1):
            if {tags[i] for i in reached} & self.touched:
                return distance > 0 if self.options.near else distance > 1
            edge = {n for i in edge for n in neighbors[i]} - reached
            reached = reached | edge
        return not self.options.near

    def alone(self, fault, place, tag, seed):
        """The same fault in the original file has an effect."""
        model = copy.deepcopy(self.original)
        place = (tag, *place[1:]) if isinstance(place, tuple) else tag
        fault.apply(self.planter.File(model), place, numpy.random.default_rng(seed))
        if not has_effect(self.before, self.run(model)):
            raise DoesNotApply("alone it has no effect")

    def add(self, fault, place):
        index = place[0] if isinstance(place, tuple) else place
        old_tags = self.planter.tags_of(self.model)
        if old_tags[index] >= self.size or not self.is_allowed(index):
            raise DoesNotApply("an allowed place it is not")
        seed = [self.options.seed, len(self.records)]
        model = copy.deepcopy(self.model)
        record = fault.apply(self.planter.File(model), place, numpy.random.default_rng(seed))
        tags = self.fresh_tags(model)
        parts = [record["index"], record.get("inserted"), *record.get("ends", []), *record.get("also", [])]
        touched = {old_tags[index], *(tags[i] for i in parts if i is not None)}
        if touched & self.touched:
            raise DoesNotApply("it touches what another touched")
        after = self.run(model)
        if not has_effect(self.last, after):
            raise DoesNotApply("it has no effect")
        self.alone(fault, place, old_tags[index], seed)
        if record["index_in"] is not None:
            record["index_in"] = old_tags[record["index_in"]] if record["index"] is not None else old_tags[index]
        for key in ("index", "inserted"):
            if record.get(key) is not None:
                record[key] = tags[record[key]]
        for key in ("ends", "also"):
            if key in record:
                record[key] = [tags[i] for i in record[key]]
        self.records.append({**describe(fault, self.planter, record), "effect_on_noise": difference(self.last, after)})
        self.model, self.last, self.touched = model, after, self.touched | touched

    def fresh_tags(self, model):
        """Every operator that came gets a tag of its own."""
        seen, tags = set(), []
        for tag in self.planter.tags_of(model):
            if tag is None or tag in seen:
                tag, self.next_tag = self.next_tag, self.next_tag + 1
            seen.add(tag)
            tags.append(tag)
        self.planter.set_tags(model, tags)
        return tags

    def write(self):
        """The file, and its records with the indices of the operators in it."""
        where = {tag: index for index, tag in enumerate(self.planter.tags_of(self.model))}
        for record in self.records:
            for key in ("index", "inserted"):
                if record.get(key) is not None:
                    record[key] = where.get(record[key])
            for key in ("ends", "also"):
                if key in record:
                    record[key] = [where[tag] for tag in record[key] if tag in where]
        self.records = [with_places(self.planter, self.original, self.model, record) for record in self.records]
        self.planter.remove_tags(self.model, self.original)
        self.planter.write(self.model, self.options.output)
        remove(self.partial)


def try_fault(together, fault, draw):
    """Whether one of some places took it."""
    places = fault.places(together.planter.File(copy.deepcopy(together.model)))
    for place in draw.sample(places, min(PLACES, len(places))):
        try:
            together.add(fault, place)
            return True
        except Exception:  # the place doesn't take it, the runtime refuses it, or what a package makes of the damaged file
            continue
    return False


def plant_many(options):
    together = Together(options)
    draw = random.Random(f"{options.seed} many")
    faults = [f for f in together.planter.FAULTS if f.loads and f.batch == 1 and f.name not in NOT_WITH_OTHERS]
    for _ in range(ROUNDS):
        for fault in draw.sample(faults, len(faults)):
            if len(together.records) == options.count:
                break
            try_fault(together, fault, draw)
    if len(together.records) < options.count:
        remove(together.partial)
        sys.exit(f"{options.input.name} takes only {len(together.records)} faults of {options.count}")
    together.write()
    return together.records
