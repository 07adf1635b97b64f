"""rename.py for PyTorch programs: names of nodes and values, of parameters, buffers and constants, and of the members with their
numbers; what a node says of where it comes from goes, and so do the calls of modules inside. Names of arguments are those of the
operators and stay, and so do those of the call, by which a program is called.
"""

from torch_file import TABLES, Program

KEYS = ("parameter_name", "buffer_name", "tensor_constant_name", "custom_obj_name", "buffer_to_mutate")


def rename_values(item, names):
    """Every name of a value in a part of the JSON."""
    if isinstance(item, list):
        for entry in item:
            rename_values(entry, names)
    elif isinstance(item, dict):
        for key, value in item.items():
            if key in ("as_tensor", "as_tensors", "arg"):
                for reference in value if isinstance(value, list) else [value]:
                    if isinstance(reference.get("name"), str):
                        reference["name"] = names(reference["name"])
            if key == "as_name":  # of a number that is computed
                item[key] = names(value)
            rename_values(value, names)


def rename_tables(model, names):
    for kind in TABLES:
        fresh = {}
        for name, entry in model.tables[kind].items():
            old = f"data/{kind}/{entry['path_name']}"
            # torch knows by the start of a member's name what it holds
            entry["path_name"] = entry["path_name"].rpartition("_")[0] + "_" + names(f"member {old}")
            if old in model.members:
                model.members[f"data/{kind}/{entry['path_name']}"] = model.members.pop(old)
            fresh[names(f"tensor {name}")] = entry
        model.tables[kind] = fresh


def rename_signature(signature, names):
    for spec in [*signature["input_specs"], *signature["output_specs"]]:
        for body in spec.values():
            for key in KEYS:
                if key in body:
                    body[key] = names(f"tensor {body[key]}")


def rename(source, target, names):
    """{old name of a node: new one}"""
    model = Program(source)
    graph, module = model.graph, model.json["graph_module"]
    paths = {node["name"]: names(node["name"]) for node in graph["nodes"]}
    for node in graph["nodes"]:
        node["name"], node["metadata"] = paths[node["name"]], {}
    rename_values(graph["nodes"], names)
    rename_values([graph["inputs"], graph["outputs"], model.signature], names)
    for kind in ("tensor_values", "sym_int_values", "sym_bool_values", "sym_float_values"):
        graph[kind] = {names(name): meta for name, meta in graph[kind].items()}
    rename_signature(model.signature, names)
    module["module_call_graph"] = [entry for entry in module["module_call_graph"] if entry["fqn"] == ""]
    module["metadata"] = {}
    rename_tables(model, names)
    model.top = names("archive") + "/"
    model.write(target)
    return paths
