"""What the contract gives as examples makes whole documents that fit: each body, answer and parameter."""

import pytest

from support.contract import DOCUMENT, OPERATIONS, as_sent, complaints, resolve
from support.examples import example_of

IN_JSON = ("application/json", "application/merge-patch+json", "application/x-www-form-urlencoded",
           "application/problem+json")


def strings_without(schema, where="", inside=frozenset()):
    """Members of a schema that are text and have nothing to show for it."""
    if schema.get("$ref", "-") in inside:
        return
    inside = inside | {schema.get("$ref")} - {None}
    schema = resolve(schema)
    kinds = schema.get("type", [])
    if "string" in ([kinds] if isinstance(kinds, str) else kinds) and \
            not {"examples", "enum", "format"} & schema.keys():
        yield where
    for name, member in schema.get("properties", {}).items():
        yield from strings_without(member, f"{where}/{name}", inside)
    if "items" in schema:
        yield from strings_without(schema["items"], f"{where}[]", inside)


def in_json(node):
    """Schemas of what is no bytes: several media types of one body are handed on as they come."""
    content = node.get("content", {})
    return [media["schema"] for kind, media in content.items() if kind in IN_JSON and
            (kind == "application/json" or len(content) == 1)]


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_schema_has_an_example_that_fits(name):
    schema = {"$ref": f"#/components/schemas/{name}"}
    assert list(strings_without(schema)) == []
    assert complaints(schema, example_of(schema)) == []


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_has_examples_that_fit(operation):
    for schema in in_json(operation.node.get("requestBody", {})):
        assert complaints(as_sent(schema), example_of(schema, as_request=True)) == []
    for response in operation.node["responses"].values():
        for schema in in_json(resolve(response)):
            assert complaints(schema, example_of(schema)) == []
    for parameter in operation.parameters:
        # A cursor is made by the server; none that is made up would be taken.
        if parameter["name"] != "cursor":
            assert complaints(parameter["schema"], example_of(parameter["schema"])) == []
