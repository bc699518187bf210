"""Each kind of change that breaks clients is caught, and nothing else; and what the contract is now
breaks nobody who relies on the last release."""

import copy
import json

import pytest
import yaml

from released.snapshot import ROOT, SNAPSHOT, Contract, broken, read, written

BEFORE = yaml.safe_load("""
info: {version: 1.0.0}
x-problem-types: {invalid: {status: 400}, gone: {status: 410}}
paths:
  /boxes/{box_id}:
    parameters: [{name: box_id, in: path, required: true, schema: {type: string}}]
    put:
      operationId: put_box
      x-roles: [keeper, guest]
      security: [{oauth2: ['boxes:write']}]
      parameters:
        - {name: colour, in: query, schema: {type: string, enum: [red, green], default: red}}
        - {name: size, in: query, deprecated: true, schema: {type: integer, minimum: 1, maximum: 9}}
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Box'}},
                              text/csv: {schema: {type: string}}}}
      responses:
        '200':
          headers: {ETag: {schema: {type: string}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Answer'}}}
        '409': {}
        default: {}
    delete:
      operationId: delete_box
      deprecated: true
      x-deprecated-at: '2026-01-01T00:00:00Z'
      x-sunset-at: '2026-06-01T00:00:00Z'
      security: []
      responses: {'204': {}, default: {}}
components:
  schemas:
    Box:
      type: object
      required: [name]
      properties:
        name: {type: string, maxLength: 40}
        code: {type: [string, 'null'], pattern: '^[a-z]+$'}
        lids: {type: array, maxItems: 9, items: {type: string}}
        old: {type: string, deprecated: true}
        seal: {type: string, x-write: [keeper, guest], x-create: [keeper, guest]}
        anything: {}
        inner: {$ref: '#/components/schemas/Box'}
    Answer:
      type: object
      required: [id, state]
      properties:
        id: {type: string, format: uuid}
        state: {type: string, enum: [open, shut]}
        weight: {type: integer, minimum: 0, maximum: 100}
        was: {type: string, deprecated: true}
""")
PUT = ("paths", "/boxes/{box_id}", "put")
BOX, ANSWER = ("components", "schemas", "Box"), ("components", "schemas", "Answer")
NOTHING = object()

# What is changed, to what (NOTHING: taken away), and what must be said of it.
BREAKING = [
    ((*PUT,), NOTHING, "the operation was removed before the end of its x-sunset-at"),
    ((*PUT, "security"), [{"oauth2": ["boxes:all"]}], "security has changed"),
    ((*PUT, "x-roles"), ["keeper"], "fewer roles may call it"),
    ((*PUT, "responses", "409"), NOTHING, "the status was removed"),
    ((*PUT, "responses", "200", "headers"), {}, "the header ETag was removed"),
    ((*PUT, "responses", "200", "content"), {}, "application/json is not answered any more"),
    ((*PUT, "parameters", 0), NOTHING, "the parameter was removed"),
    ((*PUT, "parameters", 0, "required"), True, "the parameter is required now"),
    ((*PUT, "parameters", 0, "schema", "enum"), ["red"], "fewer values are taken"),
    ((*PUT, "parameters", 0, "schema", "default"), "green", "the default has changed"),
    ((*PUT, "parameters", 0, "schema", "default"), NOTHING, "the default has changed"),
    ((*PUT, "parameters", 1, "schema", "default"), 5, "the default has changed"),
    ((*PUT, "parameters", 1, "schema", "maximum"), 8, "maximum of what is taken has changed"),
    ((*PUT, "parameters", 1, "schema", "minimum"), 2, "minimum of what is taken has changed"),
    ((*PUT, "parameters", 2), {"name": "lid", "in": "query", "required": True,
                               "schema": {"type": "string"}}, "a required parameter was added"),
    ((*PUT, "requestBody", "required"), True, "the body is required now"),
    ((*PUT, "requestBody", "content", "text/csv"), NOTHING, "text/csv is not taken any more"),
    ((*BOX, "required"), ["name", "code"], "the member is required now"),
    ((*BOX, "properties", "code"), NOTHING, "the member is not taken any more"),
    ((*BOX, "properties", "code", "type"), "string", "fewer types are taken"),
    ((*BOX, "properties", "anything", "type"), "string", "fewer types are taken"),
    ((*BOX, "properties", "code", "readOnly"), True, "the member is not taken any more"),
    ((*BOX, "properties", "seal", "x-write"), ["keeper"], "fewer roles may set it"),
    ((*BOX, "properties", "seal", "x-create"), ["keeper"], "fewer roles may set it"),
    ((*BOX, "properties", "name", "x-write"), ["keeper"], "fewer roles may set it"),
    ((*BOX, "properties", "code", "pattern"), "^[a-f]+$", "pattern of what is taken has changed"),
    ((*BOX, "properties", "name", "maxLength"), 39, "maxLength of what is taken has changed"),
    ((*BOX, "properties", "name", "minLength"), 1, "minLength of what is taken has changed"),
    ((*BOX, "properties", "name", "format"), "email", "format of what is taken has changed"),
    ((*BOX, "properties", "name", "enum"), ["a", "b"], "fewer values are taken"),
    ((*BOX, "properties", "lids", "maxItems"), 8, "maxItems of what is taken has changed"),
    ((*BOX, "properties", "lids", "uniqueItems"), True, "uniqueItems of what is taken has changed"),
    ((*BOX, "properties", "lids", "items", "maxLength"), 5, "maxLength of what is taken has changed"),
    ((*BOX, "additionalProperties"), False, "other members are not taken any more"),
    ((*ANSWER, "properties", "weight"), NOTHING, "the member was removed"),
    ((*ANSWER, "required"), ["id"], "the member may be missing now"),
    ((*ANSWER, "properties", "id", "type"), ["string", "null"], "more types are answered"),
    ((*ANSWER, "properties", "id", "format"), NOTHING, "format of what is answered has changed"),
    ((*ANSWER, "properties", "state", "enum"), ["open", "shut", "ajar"], "more values are answered"),
    ((*ANSWER, "properties", "weight", "maximum"), 101, "maximum of what is answered has changed"),
    ((*ANSWER, "properties", "weight", "minimum"), NOTHING, "minimum of what is answered has changed"),
    (("x-problem-types", "gone"), NOTHING, "was removed or has another status"),
    (("x-problem-types", "gone", "status"), 404, "was removed or has another status"),
]
FINE = [
    ((*PUT, "responses", "412"), {}),
    ((*PUT, "parameters", 1), NOTHING),  # deprecated in the last release
    ((*PUT, "parameters", 0, "schema", "enum"), ["red", "green", "blue"]),
    ((*PUT, "parameters", 1, "schema", "maximum"), 10),
    ((*PUT, "parameters", 2), {"name": "lid", "in": "query", "schema": {"type": "string"}}),
    ((*PUT, "summary"), "Replace a box"),
    ((*PUT, "x-roles"), ["keeper", "guest", "visitor"]),
    ((*BOX, "properties", "old"), NOTHING),
    ((*BOX, "properties", "name", "maxLength"), 41),
    ((*BOX, "properties", "code", "pattern"), NOTHING),
    ((*BOX, "properties", "name", "x-write"), ["keeper", "guest"]),
    ((*BOX, "properties", "seal", "x-write"), ["keeper", "guest", "visitor"]),
    ((*BOX, "properties", "seal", "x-create"), NOTHING),
    ((*BOX, "properties", "code", "type"), NOTHING),
    ((*BOX, "required"), []),
    ((*ANSWER, "properties", "was"), NOTHING),
    ((*ANSWER, "properties", "more"), {"type": "string"}),
    ((*ANSWER, "properties", "weight", "maximum"), 99),
    ((*ANSWER, "properties", "weight", "readOnly"), True),
    ((*ANSWER, "properties", "weight", "x-write"), ["keeper"]),
    ((*ANSWER, "properties", "state", "enum"), ["open"]),
    ((*ANSWER, "required"), ["id", "state", "weight"]),
    (("paths", "/lids"), {"get": {"security": [], "responses": {"200": {}, "default": {}}}}),
    (("x-problem-types", "new"), {"status": 400}),
]


def snapshot(document):
    return json.loads(written(Contract(document).snapshot()))


def changed(path, value):
    document = copy.deepcopy(BEFORE)
    node = document
    for step in path[:-1]:
        node = node[step]
    if value is NOTHING:
        del node[path[-1]]
    elif isinstance(node, list) and path[-1] == len(node):
        node.append(value)
    else:
        node[path[-1]] = value
    return snapshot(document)


@pytest.mark.parametrize("path, value, sentence", BREAKING,
                         ids=lambda part: "/".join(map(str, part)) if isinstance(part, tuple) else "")
def test_what_breaks_is_caught(path, value, sentence):
    found = broken(snapshot(BEFORE), changed(path, value))
    assert found and {line.rpartition(": ")[2] for line in found} == {sentence}


@pytest.mark.parametrize("path, value", FINE)
def test_what_breaks_nobody_passes(path, value):
    assert broken(snapshot(BEFORE), changed(path, value)) == []


def test_members_may_keep_to_the_roles_that_there_were():
    """Another role may write, and each member says that it is not for that one."""
    document = copy.deepcopy(BEFORE)
    document["paths"]["/boxes/{box_id}"]["put"]["x-roles"].append("visitor")
    for member in document["components"]["schemas"]["Box"]["properties"].values():
        if "$ref" not in member:
            member["x-write"] = ["keeper", "guest"]
    assert broken(snapshot(BEFORE), snapshot(document)) == []


def test_what_only_one_role_set_nobody_else_loses():
    """A member that says whom it is for says nothing new of an operation for that role alone."""
    before, after = copy.deepcopy(BEFORE), copy.deepcopy(BEFORE)
    for document in (before, after):
        document["paths"]["/boxes/{box_id}"]["put"]["x-roles"] = ["keeper"]
    after["components"]["schemas"]["Box"]["properties"]["seal"]["x-write"] = ["keeper"]
    after["components"]["schemas"]["Box"]["properties"]["name"]["x-write"] = ["keeper"]
    assert broken(snapshot(before), snapshot(after)) == []


@pytest.mark.parametrize("today, count", [("2026-05-31", 1), ("2026-06-01", 0)])
def test_an_operation_may_go_when_its_time_is_over(today, count):
    gone = changed(("paths", "/boxes/{box_id}", "delete"), NOTHING)
    assert len(broken(snapshot(BEFORE), gone, today)) == count


def test_nothing_breaks_the_last_release():
    old = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert len(old["operations"]) > 100
    assert broken(old, read(ROOT / "openapi.yaml")) == []
