"""The contract as a reader of its own understands it: PyYAML and jsonschema, nothing of ours.

Finds the operation of a request, and tells what is wrong with an answer.
"""

import copy
import datetime
import html
import json
import re
import urllib.parse
from collections import defaultdict

import jsonschema
import yaml

from support.places import CONTRACT

FORM = "application/x-www-form-urlencoded"
METHODS = ("get", "put", "post", "patch", "delete")
DOCUMENT = yaml.safe_load(CONTRACT.read_text())
SHARED = DOCUMENT["x-shared-statuses"]
FORMATS = jsonschema.FormatChecker(formats=())


def _format(name, check):
    FORMATS.checks(name, raises=ValueError)(
        lambda value: not isinstance(value, str) or bool(check(value)))


def _is_date(text):
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text) and datetime.date.fromisoformat(text)


def _is_time(text):
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", text) and \
        datetime.datetime.fromisoformat(text)


def _is_uri(text):
    parts = urllib.parse.urlsplit(text)
    return parts.scheme in ("http", "https") and parts.hostname and " " not in text


_format("uuid", lambda text: re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))
_format("date", _is_date)
_format("date-time", _is_time)
_format("email", lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text))
_format("uri", _is_uri)


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


class Operation:
    def __init__(self, path, method, node, shared_parameters):
        self.path, self.method, self.node = path, method, node
        self.id = node["operationId"]
        self.resource, self.action = node.get("x-resource"), node.get("x-action")
        self.parameters = [resolve(p) for p in [*shared_parameters, *node.get("parameters", [])]]
        self.statuses = [int(s) for s in node["responses"] if s != "default"]

    def response(self, status):
        """What the contract says of this status; None when it may not happen."""
        own = self.node["responses"].get(str(status))
        if own is None and status in SHARED:
            own = self.node["responses"]["default"]
        return resolve(own) if own else None

    def read_body(self, data):
        """(schema, value) of a body that is validated whole; (None, None) for any other."""
        content = self.node.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            return content["application/json"]["schema"], json.loads(data)
        if list(content) == [FORM]:
            return content[FORM]["schema"], dict(
                urllib.parse.parse_qsl(data.decode(), keep_blank_values=True))
        return None, None


def read_error(operation, media_type, data):
    """The name of the problem type that an error tells; None when it does not say."""
    if media_type == "application/problem+json" and data:
        return json.loads(data)["type"].removeprefix("/problems/")
    if media_type == "application/json" and operation.node.get("x-errors") == "oauth":
        return json.loads(data)["error"] if data else None
    heading = re.search("<h1>(.*?)</h1>", data.decode()) if media_type == "text/html" else None
    titles = {problem["title"]: name for name, problem in DOCUMENT["x-problem-types"].items()}
    return titles.get(html.unescape(heading[1])) if heading else None


def _operations():
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(path, method, item[method], item.get("parameters", []))


OPERATIONS = {operation.id: operation for operation in _operations()}
_AT = {(operation.path, operation.method): operation for operation in OPERATIONS.values()}
# Paths and their segments, by how many those are.
_PATHS = defaultdict(list)
for _path in DOCUMENT["paths"]:
    _PATHS[_path.count("/") + 1].append((_path, _path.split("/")))


def find_path(target):
    """The template a request's target matches; literal segments win. None: no such path."""
    wanted = urllib.parse.unquote(target.split("?", 1)[0]).split("/")
    best = None
    for path, parts in _PATHS.get(len(wanted), ()):
        if all(p == w or (p.startswith("{") and w) for p, w in zip(parts, wanted)):
            if best is None or path.count("{") < best.count("{"):
                best = path
    return best


def find_operation(method, target):
    return _AT.get((find_path(target), "get" if method == "HEAD" else method.lower()))


def allowed_methods(path):
    """As the Allow header lists them, as a set."""
    methods = {m.upper() for m in METHODS if m in DOCUMENT["paths"][path]}
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


# One resolver keeps what it has found, and one validator for each schema of the document: a whole run
# has hundreds of thousands of values to look at.
_RESOLVER = jsonschema.RefResolver.from_schema(DOCUMENT)
_VALIDATORS = {}


def validator(schema):
    known = _VALIDATORS.get(id(schema))
    if known is None:
        known = _VALIDATORS[id(schema)] = jsonschema.Draft202012Validator(
            schema, resolver=_RESOLVER, format_checker=FORMATS)
    return known


def complaints(schema, value):
    """What is wrong with a value, each with where."""
    return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in validator(schema).iter_errors(value)]


_AS_SENT = {}


def as_sent(schema):
    """The schema for a request: what the server sets need not be there."""
    node = resolve(schema)
    if id(node) not in _AS_SENT:  # kept with the node, whose id nothing else takes then
        _AS_SENT[id(node)] = node, _without_what_the_server_sets(node)
    return _AS_SENT[id(node)][1]


def _without_what_the_server_sets(node):
    schema = copy.deepcopy(node)
    read_only = {name for name, member in schema.get("properties", {}).items()
                 if resolve(member).get("readOnly")}
    schema["required"] = [name for name in schema.get("required", []) if name not in read_only]
    for member in schema.get("properties", {}).values():
        if member.get("x-items-apart"):  # what is wrong with one is told in the answer
            member.pop("items")
    return schema
