"""What became of one pair, and of all: plain data and the sentences about it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "zoo"))
from kinds import kind_of  # noqa: E402

SENTENCES = 4  # of faults, in the text of a miss
COVERED = 0.98  # of the live target operators, over all pairs
VERDICTS = {"same": ("identical", "equivalent"), "quantized": ("quantized",)}
# A pair is right when the oracle finds at most this difference, relative to the largest output.
RIGHT = {"same": 1e-3, "quantized": 0.5}


FORMATS = {"onnx": "ONNX", "tflite": "TFLite", "keras": "Keras", "tensorflow": "TensorFlow", "torch": "PyTorch", "script": "TorchScript"}


def format_name(file):
    return FORMATS[kind_of(file)]


class Outcome:
    def __init__(self, pair, code, result, messages, judged, seconds):
        self.pair, self.code, self.result, self.messages = pair, code, result or {}, messages
        self.judged, self.seconds = judged, seconds

    @staticmethod
    def name_of(pair):
        return " ".join([f"{pair.source} -> {pair.target}", *(word for word in pair.options if not word.startswith("--"))])

    @property
    def name(self):
        return self.name_of(self.pair)

    @property
    def verdict(self):
        return self.result.get("verdict") or (f"exit {self.code}" if self.code is not None else "timeout" if self.seconds else "not run")

    @property
    def faults(self):
        return self.result.get("faults", [])

    @property
    def difference(self):
        """The oracle's, or None."""
        return self.judged["max_relative"] if isinstance(self.judged, dict) else None

    @property
    def is_right(self):
        return self.difference is not None and self.difference <= RIGHT[self.pair.expected]

    @property
    def is_clean(self):
        return self.is_right and self.code == 0 and self.verdict in VERDICTS[self.pair.expected] and not self.faults

    @property
    def operators(self):
        return self.result.get("coverage", {}).get("target_operators", 0)

    @property
    def covered(self):
        coverage = self.result.get("coverage", {})
        return coverage.get("exact", 0) + coverage.get("rewrite", 0)

    @property
    def kind(self):
        return " to ".join(map(format_name, self.pair[:2]))

    def line(self):
        share = f"{self.covered}/{self.operators}"
        return f"{'ok  ' if self.is_clean else 'FAIL'} {self.name:66} {self.verdict:10} {self.seconds:6.1f} s  {share:>9}"

    def details(self):
        """Why it is no clean pair."""
        coverage = self.result.get("coverage", {})
        lost = ", ".join(f"{coverage[key]} {key}" for key in ("faulty", "opaque", "unaligned") if coverage.get(key))
        lines = [f"{self.name}: {self.verdict}, wanted {' or '.join(VERDICTS[self.pair.expected])}; {len(self.faults)} faults"
                 + (f"; {lost} of {self.operators}" if lost else "")]
        if not self.is_right:
            lines.append(f"  oracle: {self.judged if self.difference is None else f'relative difference {self.difference:.3g}'}")
        if self.result.get("reason"):
            lines.append(f"  reason: {self.result['reason']}")
        if not self.result:
            lines.append(f"  {self.messages.strip()[-300:] or 'no message'}")
        lines += [f"  fault: {sentence(fault)}" for fault in self.faults[:SENTENCES]]
        lines += [f"  warning: {warning}" for warning in self.result.get("warnings", [])[:SENTENCES]]
        return lines

    def record(self):
        return {"pair": self.name, "clean": self.is_clean, "verdict": self.verdict, "code": self.code,
                "seconds": round(self.seconds, 1), "oracle": self.judged, "messages": self.messages[-2000:],
                "result": self.result}

    @staticmethod
    def of_record(pair, record):
        return Outcome(pair, record["code"], record["result"], record["messages"], record["oracle"], record["seconds"])


def sentence(fault):
    numbers = "; ".join(f"{e['name']} {e['number']:.3g} {e.get('unit', '')}".strip() for e in fault.get("evidence", [])
                        if isinstance(e.get("number"), (int, float)))
    places = f"{fault['target_node']} (in the source: {fault['source_node']})"
    return f"{fault['class']}, {fault['pattern']} at {places}: {fault['explanation']}" + (f" [{numbers}]" if numbers else "")


def summary(outcomes):
    clean = sum(outcome.is_clean for outcome in outcomes)
    covered, operators = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("covered", "operators"))
    share = covered / operators if operators else 0
    lines = [f"{kind:18} {sum(o.is_clean for o in outcomes if o.kind == kind):3} of "
             f"{sum(o.kind == kind for o in outcomes):3} clean" for kind in sorted({o.kind for o in outcomes})]
    reduced = [o for o in outcomes if o.pair.expected == "quantized"]
    lines.append(f"{'reduced precision':18} {sum(o.is_clean for o in reduced):3} of {len(reduced):3} clean")
    lines.append(f"coverage: {covered} of {operators} live target operators exact or a rewrite, {share:.2%} "
                 f"(bar {COVERED:.0%}: {'met' if share >= COVERED else 'not met'})")
    false = sum(len(outcome.faults) for outcome in outcomes)
    lines.append(f"false faults: {false} in {sum(bool(o.faults) for o in outcomes)} pairs")
    lines.append(f"{clean} of {len(outcomes)} pairs clean")
    return lines
