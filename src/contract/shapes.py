"""The subset of OpenAPI 3.1 that the compiler understands, keyword by keyword.

A shape takes (node, line, report) and gives the node back with its right types: integers, booleans,
strings. Anything that is not named here is an error. Rules between places stand in checks.py.
"""

import re

from yaml_marks import Map, Seq, Text

SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
SCOPE = re.compile(r"[a-z_]+:[a-z_]+\Z")
DURATION = re.compile(r"P(?=[0-9])([0-9]+Y)?([0-9]+M)?([0-9]+D)?\Z")
LOCAL_URL = re.compile(r"(/[a-z0-9_-]+)+\Z")
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
MEMBER_PATH = re.compile(r"\$(\.[a-z][a-z0-9_]*(\[\*\])?)+\Z")
METHODS = ("get", "put", "post", "patch", "delete")
ACTIONS = {"list": "get", "get": "get", "create": "post", "put": "put", "patch": "patch",
           "delete": "delete", "history": "get", "transition": "post"}
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
FORMATS = ("uuid", "date", "date-time", "email", "uri")
FILTERS = ("eq", "gte", "lte", "lt", "prefix", "index", "among")
PERSONAL = ("never", "may_mention", "identifies")
BASES = ("consent", "contract", "legal_obligation", "vital_interests", "public_task",
         "legitimate_interests")
ON_ERASURE = ("delete", "anonymise", "keep")
ERRORS = ("oauth", "page")
COLUMN_TYPES = ("text", "date", "timestamptz", "bigint", "integer", "uuid")


def types_of(schema):
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def text(node, line, report):
    if not isinstance(node, str):
        report.add(line, "this must be a string")
        return Text("", line, False)
    return node


def integer(node, line, report):
    if not isinstance(node, str) or not INTEGER.match(node) or abs(int(node)) >= 2**63:
        report.add(line, "this must be an integer of 64 bits")
        return 0
    return int(node)


def size(node, line, report):
    value = integer(node, line, report)
    if not 0 <= value < 2**32 - 1:
        report.add(line, "this must be from 0 to 4294967294")
        return 0
    return value


def body_limit(node, line, report):
    return "files" if node == "files" else size(node, line, report)


def boolean(node, line, report):
    if node not in ("true", "false") or not node.plain:
        report.add(line, "this must be true or false")
        return False
    return node == "true"


def matching(pattern, what):
    def shape(node, line, report):
        value = text(node, line, report)
        if isinstance(node, str) and not pattern.match(value):
            report.add(line, f'"{value}" must be {what}')
        return value
    return shape


def choice(values):
    def shape(node, line, report):
        value = text(node, line, report)
        if isinstance(node, str) and value not in values:
            report.add(line, f'"{value}" is not one of {", ".join(values)}')
        return value
    return shape


def listing(shape):
    def whole(node, line, report):
        result = Seq(line)
        if not isinstance(node, Seq):
            report.add(line, "this must be a sequence")
            return result
        for item, item_line in zip(node, node.lines):
            result.put(shape(item, item_line, report), item_line)
        return result
    return whole


def is_map(node, line, report):
    if not isinstance(node, Map):
        report.add(line, "this must be a mapping")
    return isinstance(node, Map)


def named(shape, pattern=WORD, what="a word"):
    """A mapping from free names to things of one shape."""
    def whole(node, line, report):
        result = Map(line)
        if is_map(node, line, report):
            for key, value in node.items():
                if not pattern.match(key):
                    report.add(node.at(key), f'"{key}" must be {what}')
                result.put(key, shape(value, node.at(key), report), node.at(key))
        return result
    return whole


def fields(what, shapes, required=()):
    """A mapping with known keywords."""
    def whole(node, line, report):
        result = Map(line)
        if not is_map(node, line, report):
            return result
        for key, value in node.items():
            if key in shapes:
                result.put(key, shapes[key](value, node.at(key), report), node.at(key))
            else:
                report.add(node.at(key), f'"{key}" is not a keyword of {what} in this subset')
        for key in required:
            if key not in node:
                report.add(line, f'{what} needs "{key}"')
        return result
    return whole


def or_reference(shape):
    """Either the thing itself or `$ref` alone."""
    def whole(node, line, report):
        if not isinstance(node, Map) or "$ref" not in node:
            return shape(node, line, report)
        result = Map(line)
        result.put("$ref", text(node["$ref"], node.at("$ref"), report), node.at("$ref"))
        for key in node:
            if key != "$ref":
                report.add(node.at(key), f'"{key}" cannot stand beside $ref in this subset')
        return result
    return whole


def type_names(node, line, report):
    if isinstance(node, Seq):
        return listing(choice(TYPES))(node, line, report)
    return choice(TYPES)(node, line, report)


def enumeration(node, line, report):
    """Strings, and the plain word null."""
    result = Seq(line)
    for item, at in zip(*(lambda s: (s, s.lines))(listing(text)(node, line, report))):
        result.put(None if item == "null" and item.plain else item, at)
    return result


def closed(node, line, report):
    if isinstance(node, str):
        if boolean(node, line, report):
            report.add(line, "leave additionalProperties out instead of true")
        return False
    return schema(node, line, report)


def default(value, schema_node, line, report):
    """A default typed as its schema says."""
    kind = schema_node.get("type")
    shape = {"integer": integer, "boolean": boolean}.get(kind if isinstance(kind, str) else None, text)
    return shape(value, line, report)


def personal(node, line, report):
    """`never`, or what it tells and what it is kept for."""
    if isinstance(node, Map):
        return PERSONAL_STRING(node, line, report)
    if node != "never":
        report.add(line, "this is never, or a mapping with is, purpose and retention")
    return text(node, line, report)


def one_or_more(node, line, report):
    """A name or a sequence of names, in snake_case."""
    shape = matching(SNAKE, "snake_case")
    return (listing(shape) if isinstance(node, Seq) else shape)(node, line, report)


def schema(node, line, report):
    result = SCHEMA(node, line, report)
    if "default" in result:
        result["default"] = default(result["default"], result, result.at("default"), report)
    return result


ROLES = listing(matching(SNAKE, "snake_case"))

PERSONAL_STRING = fields("x-personal", {
    "is": choice(PERSONAL[1:]), "purpose": matching(SNAKE, "snake_case"),
    "retention": matching(SNAKE, "snake_case"), "index": boolean}, ("is", "purpose", "retention"))

SCHEMA = or_reference(fields("a schema", {
    "type": type_names, "format": choice(FORMATS), "enum": enumeration, "pattern": text,
    "minLength": size, "maxLength": size, "x-max-words": size, "minimum": integer, "maximum": integer,
    "minItems": size, "maxItems": size, "uniqueItems": boolean, "items": schema, "x-items-apart": boolean,
    "properties": named(schema, SNAKE, "snake_case"), "required": listing(text),
    "additionalProperties": closed, "description": text, "title": text,
    "default": lambda node, line, report: node, "examples": listing(text),
    "readOnly": boolean, "deprecated": boolean,
    "x-personal": personal, "x-write": ROLES, "x-create": ROLES,
}))

PARAMETER = or_reference(fields("a parameter", {
    "name": matching(WORD, "a word"), "in": choice(("path", "query", "header")),
    "description": text, "required": boolean, "deprecated": boolean, "schema": schema,
    "style": choice(("form",)), "explode": boolean,
    "x-filter": fields("x-filter", {"column": matching(SNAKE, "snake_case"), "op": choice(FILTERS)},
                       ("column", "op")),
}, ("name", "in", "schema")))

HEADER = or_reference(fields("a header", {"description": text, "schema": schema}, ("schema",)))

CONTENT = named(fields("a media type", {"schema": schema}),
                re.compile(r"[a-z]+/[a-z0-9.+-]+\Z"), "a media type in lower case")

RESPONSE = or_reference(fields("a response", {
    "description": text, "headers": named(HEADER), "content": CONTENT}, ("description",)))

BODY = fields("a request body", {"description": text, "required": boolean, "content": CONTENT},
              ("content",))

OPERATION = fields("an operation", {
    "operationId": matching(SNAKE, "snake_case"), "tags": listing(text), "summary": text,
    "description": text, "deprecated": boolean, "parameters": listing(PARAMETER),
    "requestBody": BODY, "responses": named(RESPONSE, re.compile(r"[1-5][0-9]{2}\Z|default\Z"),
                                            "a status or default"),
    "security": listing(named(listing(text))), "x-resource": text, "x-action": choice(tuple(ACTIONS)),
    "x-roles": ROLES, "x-body-limit": body_limit, "x-errors": choice(ERRORS),
    "x-ignore-unknown": boolean, "x-cache-seconds": size,
    "x-deprecated-at": text, "x-sunset-at": text, "x-successor": text,
    "x-transition": fields("x-transition", {
        "name": matching(SNAKE, "snake_case"), "from": listing(text), "to": text},
        ("name", "from", "to")),
}, ("operationId", "responses", "security"))

PATH_ITEM = fields("a path", {"parameters": listing(PARAMETER),
                              **{method: OPERATION for method in METHODS}})

SEGMENT = r"/(?:[A-Za-z0-9._~-]+|\{[a-z][a-z0-9_]*\})"
PATHS = named(PATH_ITEM, re.compile(rf"(?:/|(?:{SEGMENT})+)\Z"),
              "a path of words and {snake_case} templates without a slash at the end")

INCLUDE = fields("an include", {
    "resource": matching(SNAKE, "snake_case"), "column": matching(SNAKE, "snake_case"),
    "path": matching(MEMBER_PATH, "a path such as $.steps[*].person_ids[*]"),
    "of": matching(SNAKE, "snake_case")}, ("resource",))

RESOURCE = fields("a resource", {
    "collection": text, "schema": text, "rules": boolean, "context": boolean, "initial": text,
    "includes": named(INCLUDE, SNAKE, "snake_case"),
    "sync": boolean, "subject": matching(SNAKE, "snake_case"),
    "sorts": listing(fields("a sort", {
        "value": matching(SNAKE, "snake_case"), "column": matching(SNAKE, "snake_case"),
        "type": choice(COLUMN_TYPES)}, ("value", "column", "type"))),
}, ("collection", "schema"))

def due(node, line, report):
    """A condition, or with which other place the rows go."""
    if isinstance(node, Map):
        return fields("a rule of due", {"with": matching(SNAKE, "snake_case")},
                      ("with",))(node, line, report)
    return text(node, line, report)


PLACE = fields("a place", {
    "of": named(one_or_more, SNAKE, "snake_case"),
    "columns": named(personal, SNAKE, "snake_case"),
    "withheld": listing(matching(SNAKE, "snake_case")),
    "sealed": fields("sealed", {"resource": matching(SNAKE, "snake_case"),
        "subject": matching(SNAKE, "snake_case")}, ("resource", "subject")),
    "on_erasure": choice(ON_ERASURE), "ground": text,
    "due": named(due, SNAKE, "snake_case")}, ("columns",))

PRIVACY = fields("x-privacy", {
    "controller": fields("the controller", {
        "name": text, "contact": text, "representative": text, "protection_officer": text},
        ("name", "contact")),
    "security": listing(text), "transfers": listing(text),
    "purposes": named(fields("a purpose", {
        "title": text, "description": text, "basis": choice(BASES), "subjects": listing(text),
        "recipients": listing(text)}, ("title", "description", "basis", "subjects", "recipients")),
        SNAKE, "snake_case"),
    "retention": named(fields("a retention class", {
        "title": text, "keep": matching(DURATION, "a duration such as P3Y"), "from": text,
        "then": choice(("erase", "anonymise")), "why": text},
        ("title", "keep", "from", "then", "why")), SNAKE, "snake_case"),
    "places": named(PLACE, SNAKE, "snake_case"),
}, ("controller", "security", "transfers", "purposes", "retention", "places"))

ADDRESS = matching(LOCAL_URL, "a path of this server")
SCOPES = named(text, SCOPE, "a scope such as schools:read")

FLOWS = fields("flows", {
    "authorizationCode": fields("a flow", {
        "authorizationUrl": ADDRESS, "tokenUrl": ADDRESS, "refreshUrl": ADDRESS, "scopes": SCOPES},
        ("authorizationUrl", "tokenUrl", "scopes")),
    "clientCredentials": fields("a flow", {
        "tokenUrl": ADDRESS, "refreshUrl": ADDRESS, "scopes": SCOPES}, ("tokenUrl", "scopes")),
})

COMPONENTS = fields("components", {
    "securitySchemes": named(fields("a security scheme", {
        "type": choice(("oauth2",)), "flows": FLOWS, "description": text}, ("type", "flows"))),
    "schemas": named(schema), "responses": named(RESPONSE), "parameters": named(PARAMETER),
    "headers": named(HEADER),
})

ROOT = fields("the contract", {
    "openapi": choice(("3.1.0",)),
    "info": fields("info", {
        "title": text, "version": text, "summary": text, "description": text,
        "contact": fields("contact", {"name": text, "email": text}, ("name",)),
        "license": fields("license", {"name": text, "identifier": text}, ("name",)),
    }, ("title", "version")),
    "servers": listing(fields("a server", {"url": text, "description": text}, ("url",))),
    "tags": listing(fields("a tag", {"name": text, "description": text}, ("name",))),
    "paths": PATHS, "components": COMPONENTS,
    "x-roles": ROLES,
    "x-shared-statuses": listing(integer),
    "x-problem-types": named(fields("a problem type", {
        "status": integer, "title": text, "detail": text, "cause": text, "remedy": text,
        "oauth": boolean}, ("status", "title", "detail")), SNAKE, "snake_case"),
    "x-resources": named(RESOURCE, SNAKE, "snake_case"),
    "x-privacy": PRIVACY,
}, ("openapi", "info", "paths"))
