"""The small commands, the help (golden: help.txt), the files that a run writes, and the commands of the README.

After a wanted change of the help: python tests/end_to_end/test_command_line.py
"""

import json
import re
import shlex
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import pytest
from conftest import DATA, MODELS, PROGRAM, ROOT, fetafix

HELP = Path(__file__).with_name("help.txt")
COMMANDS = ["check", "localize", "repair", "apply", "inspect", "list", "doctor"]


def help_of_all():
    texts = [(" ".join(words), fetafix(*words, "--help")) for words in ([], *([c] for c in COMMANDS))]
    assert all(done.code == 0 for _, done in texts)
    return "".join(f"$ fetafix {name + ' ' if name else ''}--help\n{done.out}\n" for name, done in texts).replace(str(PROGRAM), "fetafix")


def test_help_is_golden():
    assert help_of_all() == HELP.read_text()


def test_version():
    done = fetafix("--version")
    assert done.code == 0 and re.match(r"fetafix \d+\.\d+\.\d+\n", done.out)


def test_doctor_finds_the_runtimes():
    done = fetafix("doctor")
    assert done.code == 0 and "missing" not in done.out, done.out
    for runtime in ("onnxruntime", "tflite", "litert", "keras", "tensorflow", "torch"):
        assert re.search(rf"^ *{runtime} .*found", done.out, re.MULTILINE), done.out


@pytest.mark.parametrize("what, some", [("formats", ["onnx", "tflite", "keras"]), ("runtimes", ["onnxruntime", "tflite", "keras"]),
                                        ("faults", ["training-mode", "tensor"]), ("metrics", ["label_differences"])])
def test_list(what, some):
    done = fetafix("list", what)
    names = [line.split()[0] for line in done.out.splitlines()]
    assert done.code == 0 and set(some) <= set(names) and len(names) == len(set(names))


def test_inspect():
    done = fetafix("inspect", MODELS / "right.onnx")
    assert done.code == 0 and "49 x Conv" in done.out and "every operator lifts" in done.out


def test_json_and_junit(tmp_path):
    done = fetafix("localize", MODELS / "right.onnx", MODELS / "nobias.onnx", *DATA, "--limit", "4",
                   "--json", tmp_path / "r.json", "--junit", tmp_path / "r.xml")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 1 and result["command"] == "localize" and result["samples"] == 4
    for key in ("fetafix", "source", "target", "held_back", "verdict", "before", "coverage", "faults", "seconds"):
        assert key in result
    cases = list(xml.etree.ElementTree.parse(tmp_path / "r.xml").getroot().iter("testcase"))
    assert cases and any(case.find("failure") is not None for case in cases)


def test_one_sample_and_no_data():
    assert fetafix("check", MODELS / "right.onnx", MODELS / "sim.onnx", *DATA, "--limit", "1").code == 0
    assert fetafix("check", MODELS / "right.onnx", MODELS / "sim.onnx").code == 0  # seeded noise


def readme_commands():
    """Lines after "$ " in the fenced blocks of the README that call the program, with what follows them."""
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.replace("\\\n", " ").splitlines()
            if lines[0].startswith("build/release/bin/fetafix"):
                found.append((lines[0], [line for line in lines[1:] if line.strip()]))
    return found


def test_readme_commands_do_what_the_readme_shows():
    commands = readme_commands()
    assert len(commands) >= 3
    for command, expected in commands:
        words = shlex.split(command)
        done = subprocess.run([PROGRAM, *words[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        if expected:  # numbers of the noise floor differ from machine to machine; the verdict and its sentence do not
            assert lines[:2] == expected[:2], command


def test_links_in_documents():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


if __name__ == "__main__":
    HELP.write_text(help_of_all())
