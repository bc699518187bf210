"""Records that a document names and that can be read along with it: `includes` of x-resources."""

from shapes import types_of
from yaml_marks import INCLUDED

RESERVED = "truncated"
MOST = 8


def sources(includes, name):
    """The include itself and the one its values are of, if any."""
    of = includes[name].get("of")
    return [name] if of is None else [of, name]


def get_operation(root, resource):
    """What reads one record of a resource; None where nothing does."""
    for item in root["paths"].values():
        node = item.get("get", {})
        if (node.get("x-resource"), node.get("x-action")) == (resource, "get"):
            return node
    return None


def needs(root, resource, name):
    """(roles, scopes) without which an include is refused: those of reading its records."""
    includes = root["x-resources"][resource]["includes"]
    operations = [get_operation(root, includes[one]["resource"]) for one in sources(includes, name)]
    roles = [role for role in operations[0]["x-roles"]
             if all(role in operation["x-roles"] for operation in operations)]
    scopes = [next(iter(operation["security"][0].values()))[0] for operation in operations]
    return roles, list(dict.fromkeys(scopes))


def leads_to_ids(checker, schema, path):
    """Whether a path of members ends at strings of format uuid."""
    for step in path.removeprefix("$.").split("."):
        member = schema.get("properties", {}).get(step.removesuffix("[*]"), {})
        schema = checker.resolve(member, "schemas")
        if step.endswith("[*]"):
            schema = checker.resolve(schema.get("items", {}), "schemas")
    return "string" in types_of(schema) and schema.get("format") == "uuid"


def check_include(checker, name, includes, owner):
    node, line = includes[name], includes.at(name)
    target = checker.resources.get(node.get("resource"))
    operation = get_operation(checker.root, node.get("resource"))
    if target is None or not operation or not operation.get("security"):
        checker.error(line, f'include "{name}" is of no resource that is read with a scope')
    if name == RESERVED:
        checker.error(line, f'"{RESERVED}" is what includes cannot be called')
    holder = owner
    if "of" in node:
        of = includes.get(node["of"])
        if of is None or "of" in of or list(includes).index(node["of"]) > list(includes).index(name):
            checker.error(node.at("of"), f'"{node["of"]}" is no include above with values of its own')
            return
        holder = checker.resources.get(of.get("resource"), {})
    schema = checker.components.get("schemas", {}).get(holder.get("schema"), {})
    if "path" in node and not leads_to_ids(checker, schema, node["path"]):
        checker.error(node.at("path"), f'"{node["path"]}" leads to no ids')
    if "path" not in node and "column" not in node:
        checker.error(line, f'include "{name}" needs a path, a column or both')


def check_includes(checker, name, node):
    """Each include by itself, and what answers say of them all."""
    includes = node.get("includes", {})
    schema = checker.components.get("schemas", {}).get(node.get("schema"), {})
    member = checker.resolve(schema.get("properties", {}).get(INCLUDED, {}), "schemas")
    given = {key: checker.resolve(value, "schemas").get("items", {}).get("$ref", "")
             .rpartition("/")[2] for key, value in member.get("properties", {}).items()}
    given.pop(RESERVED, None)
    wanted = {key: checker.resources.get(one.get("resource"), {}).get("schema")
              for key, one in includes.items()}
    if given != wanted or (not includes and INCLUDED in schema.get("properties", {})):
        checker.error(checker.resources.at(name), 'the member "included" must have lists of what '
                      f'includes has: {", ".join(map(str, wanted)) or "nothing"}')
    if len(includes) > MOST:
        checker.error(node.at("includes"), f"a resource has at most {MOST} includes")
    if includes and "subject" in node:
        checker.error(node.at("includes"), "a resource with a subject includes nothing")
    if includes and not member.get("readOnly"):
        checker.error(checker.resources.at(name), f'the member "{INCLUDED}" must be readOnly')
    for one in includes:
        check_include(checker, one, includes, node)


def check_include_parameter(checker, resource, node, line):
    """Exactly what there is can be asked for."""
    given, at = [], line
    for reference in node.get("parameters", []):
        parameter = checker.resolve(reference, "parameters")
        if parameter.get("name") == "include":
            at = reference.line
            given = list(parameter.get("schema", {}).get("items", {}).get("enum", []))
    if given != list(resource.get("includes", {})):
        checker.error(at, 'the parameter "include" must name the includes of x-resources: '
                      f'{", ".join(resource.get("includes", {})) or "none"}')


def without_included(root):
    """What is stored, and so what the tables are of, has no such member."""
    for node in root.get("x-resources", {}).values():
        if node.get("includes"):
            del root["components"]["schemas"][node["schema"]]["properties"][INCLUDED]
