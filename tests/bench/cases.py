"""All rows of the table in a fixed order, so that any beginning of it is spread over faults and pairs.

A round goes once through all faults, each with the next pair; every ninth row is one of several faults. Names are random in
half of the rows, and a tenth of them comes both ways.
"""

import math
from collections import Counter, namedtuple

from bench_pairs import PAIRS, kind_of, name_of

Case = namedtuple("Case", "pair fault count near seed renamed")
FORMATS = ("onnx", "tflite", "keras", "tensorflow", "torch", "script")
COUNTS = (2, 4, 8, 16)
FEW = 4  # a pair marked so comes up in one round of so many


def key(case):
    what = case.fault or f"{case.count} faults{' near' if case.near else ''}"
    return f"{name_of(case.pair)} | {what} | seed {case.seed} | {'random names' if case.renamed else 'names kept'}"


def takes(pair, fault):
    return not pair.only or any(word in fault for word in pair.only)


def several(number):
    """The number-th row of several faults."""
    whole = [pair for pair in PAIRS if not pair.only and not pair.few]
    pair = whole[number * 5 % len(whole)]
    return Case(pair, None, COUNTS[number % len(COUNTS)], number // len(COUNTS) % 2 == 1, 1 + number, number % 2 == 1)


def both_ways(cases):
    """Every tenth row also with its names the other way."""
    for number, case in enumerate(cases):
        yield case
        if number % 10 == 0:
            yield case._replace(renamed=not case.renamed)


def one_round(number, faults):
    """Each fault once, with one pair; faults: (format, name)."""
    seed, turn = 1 + number, Counter()
    for position, (kind, fault) in enumerate(faults):
        fitting = [pair for pair in PAIRS if kind_of(pair.target) == kind and takes(pair, fault) and (not pair.few or number % FEW == 0)]
        special = [pair for pair in fitting if pair.only]
        if special and number % 2 == 0:
            fitting = special
        stride = next(n for n in (3, 5, 7, 1) if math.gcd(n, len(fitting)) == 1)
        pair = fitting[(turn[kind] * stride + number) % len(fitting)]
        turn[kind] += 1
        yield Case(pair, fault, 1, False, seed, (position + number) % 2 == 1)


def all_cases(faults, rounds, first=0):
    """`rounds` of them from round `first` on: others than before it."""
    def stream():
        count = first * 25  # more than the rows of several faults in a round
        for number in range(first, first + rounds):
            for position, case in enumerate(one_round(number, faults)):
                yield case
                if position % 9 == 8:
                    yield several(count)
                    count += 1
    return both_ways(stream())
