"""Examples of documents, put together from those of the contract as a viewer does it."""

from support.contract import resolve

FORMATS = {"uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "date": "2026-11-27",
           "date-time": "2026-11-27T09:30:00Z", "email": "ada@example.org",
           "uri": "https://portal.example/"}


def _string(schema):
    """One that the contract gives; None where it gives none and no format says what it looks like."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value is not None)
    return schema.get("default", FORMATS.get(schema.get("format")))


def _object(schema, as_request, inside):
    document = {name: example_of(member, as_request, inside)
                for name, member in schema.get("properties", {}).items()
                if not (as_request and resolve(member).get("readOnly"))
                and member.get("$ref", "-") not in inside}
    if isinstance(schema.get("additionalProperties"), dict):
        document["name"] = example_of(schema["additionalProperties"], as_request, inside)
    return document


def example_of(schema, as_request=False, inside=frozenset()):
    inside = inside | ({schema["$ref"]} if "$ref" in schema else set())
    schema = resolve(schema)
    kind = schema.get("type", "object")
    kind = kind if isinstance(kind, str) else next(k for k in kind if k != "null")
    if kind == "object":
        return _object(schema, as_request, inside)
    if kind == "array":
        return [example_of(schema["items"], as_request, inside)] * schema.get("minItems", 1)
    if kind == "string":
        return _string(schema)
    return schema.get("default", True if kind == "boolean" else schema.get("minimum", 1))
