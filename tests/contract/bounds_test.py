"""Whatever a request can hold is bounded: each string by a length, format, enum or pattern, each integer
from below and above, each array by its number of items. Bodies that are bytes have x-body-limit or
the server's own limit."""

import pytest

from support.contract import OPERATIONS, resolve

STRUCTURED = ("application/json", "application/merge-patch+json", "application/x-www-form-urlencoded")


def types_of(schema):
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def unbounded(schema, where, seen):
    """Places in a schema that anything goes into."""
    if schema.get("$ref") in seen:
        return
    seen = seen | {schema.get("$ref")} - {None}
    schema = resolve(schema)
    if schema.get("readOnly"):
        return
    if "string" in types_of(schema) and not {"maxLength", "format", "enum", "pattern"} & schema.keys():
        yield f"{where} has no maxLength"
    if "integer" in types_of(schema) and not {"minimum", "maximum"} <= schema.keys():
        yield f"{where} has no minimum or no maximum"
    if "array" in types_of(schema) and "maxItems" not in schema:
        yield f"{where} has no maxItems"
    for name, member in schema.get("properties", {}).items():
        yield from unbounded(member, f"{where}/{name}", seen)
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from unbounded(schema[keyword], f"{where}/{keyword}", seen)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_requests_are_bounded(operation):
    content = operation.node.get("requestBody", {}).get("content", {})
    found = [fault for kind, node in content.items() if kind in STRUCTURED and len(content) == 1
             for fault in unbounded(node["schema"], "body", frozenset())]
    found += [fault for parameter in operation.parameters
              for fault in unbounded(parameter["schema"], parameter["name"], frozenset())]
    assert found == []


def test_what_is_not_bounded_is_found():
    schema = {"type": "object", "properties": {
        "a": {"type": "string"}, "b": {"type": ["integer", "null"], "minimum": 1},
        "c": {"type": "array", "items": {"type": "string", "maxLength": 3}}}}
    assert len(list(unbounded(schema, "body", frozenset()))) == 3
