"""What a PyTorch archive says of itself before PyTorch sees it: its kind, what is asked of it, and whether it holds code.

torch.export.load was not made for files of strangers: it looks operators up by any path below the module torch (torch.os.system
is one), evaluates the text of symbolic sizes, unpickles constants, and opens shared libraries that lie in the archive. So nothing
is handed to it before `refuse_code` has read the graph. Pickles are PyTorch's own matter, and the worker has it load only plain
data from them. TorchScript is code, but of a language that only computes.
"""

import json
import re
import zipfile
from dataclasses import dataclass

from fetafix_worker import WorkerError

ZIP_SIGNATURE = b"PK\x03\x04"
MOST_GRAPH_BYTES = 256 << 20  # as much as a frame of the protocol
OLD_GRAPH = "serialized_exported_program.json"  # PyTorch 2.5 to 2.7; then PREFIX/models/NAME.json
ASKED = ("extra/fetafix_outputs.json", "extra_files/fetafix_outputs.json")  # the second in archives of the old kind

OPERATOR = re.compile(r"torch\.ops\.(?!load_library\b|import_module\b|__)\w+\.\w+(\.(?!_)\w+)?|torch\._?sym_\w+|math\.[a-z]\w*"
                      r"|_operator\.(?!call|attrgetter|methodcaller|itemgetter|set|del|i?concat)[a-z]\w*")
WITH_FILES = {"from_file", "load", "save", "_load", "_save"}  # operators of aten that read and write files
NAME = re.compile(r"[A-Za-z_]\w*|")
PATH = re.compile(r"[^\"'\\\n]*")  # of a weight in its module; written between quotes
PATHS = ("parameter_name", "buffer_name", "tensor_constant_name", "custom_obj_name", "fqn")
# Sizes are sums, products and functions that begin with a capital (Max, Symbol) or are these; in quotes only names of symbols.
SYMBOL = re.compile(r"'\w+'")
SIZE = re.compile(r"[\w\s+\-*/%(),<>=!&|~.]*")
NO_SIZE = re.compile(r"__|\)\s*\(|\.\s*[A-Za-z_]|\b(?!(?:sqrt|floor|ceiling|log)\b)[a-z_]\w*\s*\(")


@dataclass
class TorchFile:
    script: bool     # TorchScript, else an exported program
    version: str     # of the PyTorch that wrote it: "2.15.0"; "" if the file does not say
    asked: list      # names of inner values that it shall give besides its outputs


def read(path):
    """Reads what the archive holds and refuses code in it."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(ZIP_SIGNATURE))
        if start != ZIP_SIGNATURE:
            raise WorkerError("file", "expected a .pt2 or TorchScript archive (zip), found a file that starts with "
                                      f"{start.hex(' ') or 'nothing'}")
        with zipfile.ZipFile(path) as archive:
            return read_archive(archive)
    except OSError as error:
        raise WorkerError("file", f"can't be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RecursionError) as error:
        raise WorkerError("file", f"the archive can't be read: {error}") from error


def read_archive(archive):
    names = archive.namelist()
    # The sample inputs are an archive of their own: all that is found of a file that was cut off.
    if min((member.header_offset for member in archive.infolist()), default=0) > 0:
        raise WorkerError("file", "the archive is not whole: its list of members is missing")
    # PyTorch takes no notice of case, and of two members of a name not that which Python takes.
    if len({name.lower() for name in names}) != len(names):
        raise WorkerError("file", "the archive holds two members of one name")
    members = {name.partition("/")[2]: name for name in names}  # below the folder that all of an archive lie in
    graphs = [name for member, name in members.items() if member.lower().startswith("models/")]
    graphs += [OLD_GRAPH] if OLD_GRAPH in names else []
    if not graphs:
        return read_script(archive, members)
    refuse_members(members)
    version = ""
    for name in graphs:
        document = read_json(archive, name)
        refuse_code(document)
        version = str(document.get("torch_version") or "").partition("+")[0].partition("<")[0]
    return TorchFile(False, version, read_asked(archive, members))


def read_asked(archive, members):
    asked = [name for member, name in [*members.items(), *((name, name) for name in archive.namelist())] if member in ASKED]
    return read_json(archive, asked[0]) if asked else []


def read_script(archive, members):
    if "constants.pkl" in members and any(member.startswith("code/") for member in members):
        asked = read_asked(archive, members)
        if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
            raise WorkerError("file", "the list of inner values that the file shall give is none of names")
        return TorchFile(True, "", asked)
    if "data.pkl" in members:
        raise WorkerError("unsupported", "the file is a pickle of torch.save, which is Python code or only weights; expected an "
                                         "exported program: torch.export.save(torch.export.export(model, inputs), file)")
    raise WorkerError("file", "the archive holds neither an exported program (models/model.json) nor TorchScript (code/)")


def read_json(archive, name):
    size = archive.getinfo(name).file_size
    if size > MOST_GRAPH_BYTES:
        raise WorkerError("file", f"{name} unpacks to {size} bytes, more than the {MOST_GRAPH_BYTES} that are read")
    return json.loads(archive.read(name))


def code(what):
    return WorkerError("unsupported", f"{what}; the file is not loaded, for that is code that would run here")


def refuse_members(members):
    for member in (member.lower() for member in members):
        if member.startswith("data/aotinductor/"):
            raise code(f"the archive holds compiled code ({member})")
        if member.startswith("data/constants/opaque_obj"):
            raise code(f"the archive holds a pickled Python object ({member})")


def refuse_code(part):
    """All that PyTorch would look up, evaluate or write into the code that it makes."""
    if isinstance(part, list):
        for item in part:
            refuse_code(item)
    if not isinstance(part, dict):
        return
    target, size = part.get("target"), part.get("expr_str")
    if isinstance(target, str) and "inputs" in part and not allowed(target):
        raise code(f"an operator of the graph is {target[:80]}, expected one of torch.ops")
    if isinstance(size, str) and not arithmetic(SYMBOL.sub("s", size)):
        raise code(f"a size is '{size[:80]}', expected arithmetic on sizes")
    for name in names_in(part):
        if isinstance(name, str) and not NAME.fullmatch(name):
            raise code(f"a value is named '{name[:80]}', expected letters, digits and _")
    for path in (part.get(key) for key in PATHS):
        if isinstance(path, str) and not PATH.fullmatch(path):
            raise code(f"a weight is named '{path[:80]}', expected no quotes")
    for value in part.values():
        refuse_code(value)


def names_in(part):
    """Those that PyTorch makes variables of, in the functions that it writes for a graph."""
    yield from (part.get("name"), part.get("as_name"), *(part.get("forward_arg_names") or []))
    if isinstance(part.get("in_spec"), str) and part["in_spec"]:
        yield from keywords(part["in_spec"])


def keywords(structure):
    """Of inputs: the structure is a tuple of the positional ones and of a dict, whose keys these are."""
    try:
        children = json.loads(structure)[1]["children_spec"]
        return [str(key) for key in json.loads(children[1]["context"])] if len(children) == 2 else []
    except (LookupError, TypeError) as error:
        raise WorkerError("file", f"the structure of inputs can't be read: {structure[:80]}") from error


def allowed(target):
    return OPERATOR.fullmatch(target) and not (target.startswith("torch.ops.aten.") and target.split(".")[3] in WITH_FILES)


def arithmetic(size):
    return SIZE.fullmatch(size) and not NO_SIZE.search(size)
