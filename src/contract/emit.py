"""Writes a checked contract as C tables, a C header and JSON. It must not judge the contract."""

import json
import re

from checks import FORM, scopes_of
from deprecation import deprecation_headers
from emit_privacy import PrivacyTables
from includes import needs, without_included
from privacy import personal_of
from shapes import ACTIONS, METHODS, types_of

NO_SCHEMA, NO_LIMIT = "IQM_NO_SCHEMA", "IQM_NO_LIMIT"
BODY_KINDS = {"application/json": "IQM_BODY_JSON",
              "application/merge-patch+json": "IQM_BODY_MERGE_PATCH",
              FORM: "IQM_BODY_FORM"}


def quoted(data):
    """A C string literal; octal escapes end by themselves and leave no trigraph."""
    if data is None:
        return "NULL"
    raw = data.encode() if isinstance(data, str) else data
    pieces = []
    for byte in raw:
        sign = chr(byte)
        plain = 32 <= byte < 127 and sign not in '"\\?'
        pieces.append(sign if plain else f"\\{byte:03o}")
    return '"' + "".join(pieces) + '"'


def literal(data):
    """A long text as one literal a line, so that it stays readable and compiles fast."""
    return "\n".join("    " + quoted(line) for line in data.splitlines(keepends=True))


def flag(value):
    return "true" if value else "false"


def bound(value):
    """An int64 literal: the smallest has none of its own in C."""
    return "INT64_MIN" if value == -(2**63) else f"INT64_C({value})"


def route_key(path):
    """Literal segments sort before templates, from the left."""
    return [("{" in segment, segment) for segment in path.split("/")]


class Emitter:
    """Collects the tables of one contract."""

    def __init__(self, root, statements, symbol, yaml_bytes):
        self.root = root
        self.statements = statements
        self.symbol = symbol
        self.prefix = re.sub("_?contract$", "", symbol) or symbol
        self.yaml = yaml_bytes
        self.json = json.dumps(root, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        without_included(root)
        self.components = root.get("components", {})
        self.out = []
        self.schemas = []
        self.patterns = []
        self.numbers = {name: i for i, name in enumerate(self.components.get("schemas", {}))}
        self.inline = {}
        self.privacy = PrivacyTables(root, self.prefix, quoted)
        self.handlers, self.generic, self.writer_tables = [], set(), set()

    def line(self, text=""):
        self.out.append(text)

    def resolve(self, node, kind):
        if "$ref" in node:
            return self.components[kind][node["$ref"].rpartition("/")[2]]
        return node

    # Schemas

    def collect(self):
        """Gives each component schema its number, then those within and around them."""
        named = self.components.get("schemas", {})
        self.schemas = [(name, node) for name, node in named.items()]
        for _, node in list(self.schemas):
            self.collect_children(node)

    def collect_children(self, node):
        for child in node.get("properties", {}).values():
            self.number(child)
        for keyword in ("items", "additionalProperties"):
            if node.get(keyword):
                self.number(node[keyword])

    def number(self, node):
        if "$ref" in node:
            return self.numbers[node["$ref"].rpartition("/")[2]]
        if id(node) not in self.inline:
            self.inline[id(node)] = len(self.schemas)
            self.schemas.append((None, node))
            self.collect_children(node)
        return self.inline[id(node)]

    def member_flags(self, node, name):
        flags = []
        if name in node.get("required", []):
            flags.append("IQM_MEMBER_REQUIRED")
        if self.resolve(node["properties"][name], "schemas").get("readOnly"):
            flags.append("IQM_MEMBER_READ_ONLY")
        return " | ".join(flags) or "0"

    def writers(self, child, creating=False):
        """The name of the table of who may set a member, made where it is not yet there."""
        member = self.resolve(child, "schemas")
        roles = member.get("x-write")
        if creating and "x-create" in member:
            roles = member["x-create"]
        if roles is None:
            return "NULL"
        name = "writers_" + "_or_".join(roles)
        if name not in self.writer_tables:
            self.writer_tables.add(name)
            values = ", ".join([*map(quoted, roles), "NULL"])
            self.line(f"static const char *const {name}[] = {{{values}}};")
        return name

    def schema_tables(self, number, node):
        writers = {name: f"{self.writers(child)}, {self.writers(child, creating=True)}"
                   for name, child in node.get("properties", {}).items()}
        if writers:
            self.line(f"static const struct iqm_member members_{number}[] = {{")
            for name, child in node["properties"].items():
                flags = self.member_flags(node, name)
                self.line(f"    {{{quoted(name)}, {self.number(child)}, {flags}, {writers[name]}}},")
            self.line("};")
        if "enum" in node:
            values = [quoted(value) for value in node["enum"] if value is not None]
            self.line(f"static const char *const values_{number}[] = {{{', '.join(values)}, NULL}};")

    def schema_row(self, number, name, node):
        types = " | ".join("IQM_JSON_" + kind.upper() for kind in types_of(node)) or "0"
        kind = node.get("format", "none").upper().replace("-", "_")
        additional = node.get("additionalProperties")
        pattern = node.get("pattern")
        if pattern is not None and pattern not in self.patterns:
            self.patterns.append(pattern)
        cells = [
            f".name = {quoted(name)}", f".description = {quoted(node.get('description'))}",
            f".types = {types}", f".format = IQM_FORMAT_{kind}",
            *self.personal_cells(node),
            f".has_minimum = {flag('minimum' in node)}", f".has_maximum = {flag('maximum' in node)}",
            f".unique_items = {flag(node.get('uniqueItems'))}", f".closed = {flag(additional is False)}",
            f".items_apart = {flag(node.get('x-items-apart'))}",
            f".minimum = {bound(node.get('minimum', 0))}", f".maximum = {bound(node.get('maximum', 0))}",
            f".min_length = {node.get('minLength', 0)}", f".max_length = {node.get('maxLength', NO_LIMIT)}",
            f".max_words = {node.get('x-max-words', 0)}",
            f".min_items = {node.get('minItems', 0)}", f".max_items = {node.get('maxItems', NO_LIMIT)}",
            f".items = {self.number(node['items']) if 'items' in node else NO_SCHEMA}",
            f".additional = {self.number(additional) if additional else NO_SCHEMA}",
            f".pattern = {quoted(pattern)}",
            f".example = {quoted(next(iter(node.get('examples', [])), None))}",
            f".pattern_index = {self.patterns.index(pattern) if pattern is not None else 0}",
            f".enumeration = {f'values_{number}' if 'enum' in node else 'NULL'}",
            f".members = {f'members_{number}' if node.get('properties') else 'NULL'}",
            f".member_count = {len(node.get('properties', {}))}"]
        self.line(f"    [{number}] = {{{', '.join(cells)}}},")

    def personal_cells(self, node):
        said = personal_of(node)
        kind, purpose, retention = self.privacy.cells(said)
        return [f".personal = {kind}", f".indexed = {flag(said.get('index'))}",
                f".purpose = {purpose}", f".retention = {retention}"]

    def emit_schemas(self):
        for number, (_, node) in enumerate(self.schemas):
            self.schema_tables(number, node)
        self.line("static const struct iqm_schema schemas[] = {")
        for number, (name, node) in enumerate(self.schemas):
            self.schema_row(number, name, node)
        self.line("    {.name = NULL},\n};")

    # Statements, problems, resources

    def emit_statements(self):
        for i, (_, _, names) in enumerate(self.statement_rows()):
            values = ", ".join([*map(quoted, names), "NULL"])
            self.line(f"static const char *const statement_parameters_{i}[] = {{{values}}};")
        self.line(f"const struct iqm_statement {self.prefix}_statements[] = {{")
        for i, (name, sql, names) in enumerate(self.statement_rows()):
            self.line(f"    {{{quoted(name)},\n{literal(sql.encode())},\n"
                      f"    statement_parameters_{i}, {len(names)}}},")
        self.line("    {NULL, NULL, NULL, 0},\n};")

    def statement_rows(self):
        return [(name, *self.statements[name]) for name in sorted(self.statements)]

    def statement(self, name):
        if name not in self.statements:
            return "NULL"
        return f"&{self.prefix}_statements[{sorted(self.statements).index(name)}]"

    def emit_problems(self):
        self.line(f"const struct iqm_problem_type {self.prefix}_problem_types[] = {{")
        for name, node in self.root.get("x-problem-types", {}).items():
            self.line(f"    {{{quoted(name)}, {node['status']}, {quoted(node['title'])},\n"
                      f"        {quoted(node['detail'])},\n        {quoted(node.get('cause', ''))},\n"
                      f"        {quoted(node.get('remedy', ''))}, {flag(node.get('oauth'))}}},")
        self.line("    {NULL, 0, NULL, NULL, NULL, NULL, false},\n};")

    def emit_resources(self):
        resources = self.root.get("x-resources", {})
        for name, node in resources.items():
            self.line(f"static const struct iqm_sort sorts_{name}[] = {{")
            for sort in node.get("sorts", []):
                rest = f"{quoted(sort['column'])}, {quoted(sort['type'])}"
                self.line(f"    {{{quoted(sort['value'])}, {rest}, false}},")
                self.line(f"    {{{quoted('-' + sort['value'])}, {rest}, true}},")
            self.line("    {NULL, NULL, NULL, false},\n};")
            self.emit_includes(name, node.get("includes", {}))
        self.line(f"const struct iqm_resource {self.prefix}_resources[] = {{")
        for name, node in resources.items():
            rules = f"iqm_rules_{name}" if node.get("rules") else "NULL"
            context = self.statement(f"{name}_context") if node.get("context") else "NULL"
            self.line(f"    {{{quoted(name)}, {quoted(node['collection'])}, "
                      f"{self.numbers[node['schema']]}, sorts_{name}, {rules}, {context}, "
                      f"{quoted(node.get('initial'))}, {quoted(node.get('subject'))}, "
                      f"{flag(node.get('sync'))}, "
                      f"{f'includes_{name}' if node.get('includes') else 'NULL'}}},")
        self.line("    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false, NULL},\n};")

    def emit_includes(self, name, includes):
        if not includes:
            return
        resources = list(self.root["x-resources"])
        self.line(f"static const struct iqm_include includes_{name}[] = {{")
        for include, node in includes.items():
            roles, scopes = needs(self.root, name, include)
            of = list(includes).index(node["of"]) + 1 if "of" in node else 0
            self.line(f"    {{{quoted(include)}, &{self.prefix}_resources["
                      f"{resources.index(node['resource'])}], {quoted(node.get('column', 'id'))}, "
                      f"{quoted(node.get('path'))}, {of}, {quoted(','.join(roles))}, "
                      f"{quoted(','.join(scopes))}}},")
        self.line("    {NULL, NULL, NULL, NULL, 0, NULL, NULL},\n};")

    def scopes(self):
        """Sorted by name."""
        schemes = self.components.get("securitySchemes", {}).values()
        return sorted({pair for scheme in schemes for pair in scopes_of(scheme).items()})

    def emit_scopes(self):
        self.line("static const struct iqm_scope scopes[] = {")
        for name, sentence in self.scopes():
            self.line(f"    {{{quoted(name)}, {quoted(sentence)}}},")
        self.line("    {NULL, NULL},\n};")

    # Operations

    def operations(self):
        for path in sorted(self.root["paths"], key=route_key):
            item = self.root["paths"][path]
            for method in METHODS:
                if method in item:
                    yield path, method, item, item[method]

    def parameters(self, path, item, node):
        """Path parameters first, in the order of the path: so the router's values fit."""
        found = [self.resolve(reference, "parameters")
                 for reference in [*item.get("parameters", []), *node.get("parameters", [])]]
        order = re.findall(r"\{([^}]*)\}", path)
        return sorted(found, key=lambda p: order.index(p["name"]) if p["in"] == "path" else len(order))

    def emit_parameters(self, name, parameters):
        if not parameters:
            return
        self.line(f"static const struct iqm_parameter parameters_{name}[] = {{")
        for node in parameters:
            rule = node.get("x-filter", {})
            default = self.resolve(node["schema"], "schemas").get("default")
            if isinstance(default, (bool, int)):
                default = str(default).lower()
            self.line(f"    {{{quoted(node['name'])}, IQM_IN_{node['in'].upper()}, "
                      f"{flag(node.get('required'))}, IQM_FILTER_{rule.get('op', 'none').upper()}, "
                      f"{quoted(rule.get('column'))}, {self.number(node['schema'])}, {quoted(default)}}},")
        self.line("};")

    def emit_responses(self, name, node):
        self.line(f"static const struct iqm_response responses_{name}[] = {{")
        for status, reference in node["responses"].items():
            if status != "default":
                content = self.resolve(reference, "responses").get("content", {})
                for media_type in content or [None]:
                    self.line(f"    {{{status}, {quoted(media_type)}}},")
        self.line("    {0, NULL},\n};")

    def emit_transition(self, name, node):
        rule = node.get("x-transition")
        if rule is None:
            return
        values = ", ".join([*map(quoted, rule["from"]), "NULL"])
        self.line(f"static const char *const transition_from_{name}[] = {{{values}}};")
        self.line(f"static const struct iqm_transition transition_{name} = {{{quoted(rule['name'])}, "
                  f"transition_from_{name}, {quoted(rule['to'])}}};")

    def body_cells(self, node):
        content = node.get("requestBody", {}).get("content", {})
        media_type = next(iter(content), None)
        all_types = ", ".join(content) if content else None
        limit = node.get("x-body-limit", 0)
        limit = "IQM_BODY_LIMIT_FILES" if limit == "files" else limit
        kind = BODY_KINDS.get(media_type, "IQM_BODY_STREAM") if media_type else "IQM_BODY_NONE"
        if len(content) > 1:
            kind = "IQM_BODY_STREAM"
        number = self.number(content[media_type]["schema"]) if media_type else NO_SCHEMA
        return [f".body = {kind}", f".body_media_types = {quoted(all_types)}",
                f".body_required = {flag(node.get('requestBody', {}).get('required'))}",
                f".body_schema = {number}", f".body_limit = {limit}"]

    def security_cells(self, node):
        if not node["security"]:
            return [".is_public = true"]
        scope = next(iter(node["security"][0].values()))[0]
        roles = "{" + ",".join(node["x-roles"]) + "}"
        return [f".is_public = false, .roles = {quoted(roles)}, .scope = {quoted(scope)}"]

    def handler(self, node):
        if "x-action" in node:
            self.generic.add(node["x-action"])
            return f"iqm_resource_{node['x-action']}"
        self.handlers.append(node["operationId"])
        return f"iqm_op_{node['operationId']}"

    def operation_row(self, path, method, item, node):
        name = node["operationId"]
        parameters = self.parameters(path, item, node)
        index = list(self.root.get("x-resources", {})).index(node["x-resource"]) \
            if "x-action" in node else None
        resource = "NULL" if index is None else f"&{self.prefix}_resources[{index}]"
        return [f".id = {quoted(name)}", f".method = IQM_METHOD_{method.upper()}",
                f".path = {quoted(path)}",
                f".parameters = {f'parameters_{name}' if parameters else 'NULL'}",
                f".parameter_count = {len(parameters)}", *self.body_cells(node),
                *self.security_cells(node), f".resource = {resource}",
                f".errors = IQM_ERRORS_{node.get('x-errors', 'problem').upper()}",
                f".ignore_unknown = {flag(node.get('x-ignore-unknown'))}",
                f".cache_seconds = {node.get('x-cache-seconds', 0)}",
                f".deprecation = {{{', '.join(map(quoted, deprecation_headers(node)))}}}",
                f".statement = {self.statement(name)}", f".handler = {self.handler(node)}",
                f".transition = {f'&transition_{name}' if 'x-transition' in node else 'NULL'}",
                f".responses = responses_{name}"]

    def emit_operations(self):
        rows = []
        for path, method, item, node in self.operations():
            self.emit_parameters(node["operationId"], self.parameters(path, item, node))
            self.emit_responses(node["operationId"], node)
            self.emit_transition(node["operationId"], node)
            rows.append(self.operation_row(path, method, item, node))
        self.line("static const struct iqm_operation operations[] = {")
        for cells in rows:
            self.line("    {" + ",\n        ".join(cells) + "},")
        self.line("    {.id = NULL},\n};")

    def emit_routes(self):
        routes = {}
        for i, (path, method, _, _) in enumerate(self.operations()):
            routes.setdefault(path, []).append(f"[IQM_METHOD_{method.upper()}] = &operations[{i}]")
        self.line("static const struct iqm_route routes[] = {")
        for path, cells in routes.items():
            self.line(f"    {{{quoted(path)}, {{{', '.join(cells)}}}}},")
        self.line("    {.path = NULL},\n};")
        return len(routes)

    # Files

    def contract_row(self, routes):
        cells = [
            f".version = {quoted(self.root['info']['version'])}",
            f".schemas = schemas, .schema_count = {len(self.schemas)}",
            f".pattern_count = {len(self.patterns)}",
            f".operations = operations, .operation_count = {len(list(self.operations()))}",
            f".routes = routes, .route_count = {routes}",
            f".resources = {self.prefix}_resources",
            f".resource_count = {len(self.root.get('x-resources', {}))}",
            f".problem_types = {self.prefix}_problem_types",
            f".problem_type_count = {len(self.root.get('x-problem-types', {}))}",
            f".scopes = scopes, .scope_count = {len(self.scopes())}",
            *self.privacy.contract_cells(),
            ".yaml = {contract_yaml, sizeof(contract_yaml) - 1}",
            ".json = {contract_json, sizeof(contract_json) - 1}"]
        return f"const struct iqm_contract {self.symbol} = {{\n    " + ",\n    ".join(cells) + "};"

    def source(self, header_name):
        self.collect()
        for path, _, item, node in self.operations():  # the schemas not in components
            for parameter in self.parameters(path, item, node):
                self.number(parameter["schema"])
            self.body_cells(node)
        self.line(f'/* Made from the contract by compile.py. */\n#include "{header_name}"\n')
        self.line('#pragma GCC diagnostic ignored "-Woverlength-strings"\n')
        self.emit_schemas()
        self.emit_statements()
        self.emit_problems()
        self.emit_resources()
        self.emit_scopes()
        self.out.extend(self.privacy.lines())
        self.emit_operations()
        routes = self.emit_routes()
        self.line(f"static const char contract_yaml[] =\n{literal(self.yaml)};")
        chunks = [self.json[i : i + 1000] for i in range(0, len(self.json), 1000)]
        self.line("static const char contract_json[] =\n" + "\n".join(map(quoted, chunks)) + ";")
        self.line(self.contract_row(routes))
        return "\n".join(self.out) + "\n"

    def header(self):
        """Call after source()."""
        guard, upper = f"{self.symbol.upper()}_TABLES_H", self.prefix.upper()
        lines = ["/* Made from the contract by compile.py. */", f"#ifndef {guard}", f"#define {guard}",
                 "", '#include "iqm/contract.h"', "",
                 f"extern const struct iqm_contract {self.symbol};",
                 f"extern const struct iqm_statement {self.prefix}_statements[];",
                 f"extern const struct iqm_problem_type {self.prefix}_problem_types[];",
                 f"extern const struct iqm_resource {self.prefix}_resources[];",
                 f"#define {upper}_STATEMENTS_COUNT {len(self.statements)}", ""]
        lines += [f"iqm_handler_fn iqm_resource_{name};" for name in ACTIONS if name in self.generic]
        lines += [f"iqm_handler_fn iqm_op_{name};" for name in self.handlers]
        resources = self.root.get("x-resources", {})
        lines += [f"iqm_rules_fn iqm_rules_{name};"
                  for name, node in resources.items() if node.get("rules")]
        for kind, table, names in (
                ("PROBLEM", "problem_types", self.root.get("x-problem-types", {})),
                ("RESOURCE", "resources", resources), ("STATEMENT", "statements", sorted(self.statements))):
            lines += ["", *(f"#define {upper}_{kind}_{name.upper()} (&{self.prefix}_{table}[{i}])"
                            for i, name in enumerate(names))]
        return "\n".join([*lines, "", "#endif", ""])
