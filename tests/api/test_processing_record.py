"""The record of processing activities (Article 30): all that the contract declares, and nothing else."""

import xml.etree.ElementTree

import pytest

from support.contract import DOCUMENT, METHODS
from support.expect import problem

PRIVACY = DOCUMENT["x-privacy"]
SCHEMAS = DOCUMENT["components"]["schemas"]
PARAMETERS = DOCUMENT["components"]["parameters"]


def target(reference):
    return reference["$ref"].rpartition("/")[2]


def inside(schema, path):
    """(path, declaration) of each string in a schema, as far as it has no name of its own."""
    for name, child in schema.get("properties", {}).items():
        yield from one(child, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from one(schema["items"], f"{path}[]")
    if schema.get("additionalProperties"):
        yield from one(schema["additionalProperties"], f"{path}.*" if path else "*")


def one(schema, path):
    if "$ref" in schema:
        yield path, SCHEMAS[target(schema)].get("x-personal", "never")
        return
    yield path, schema.get("x-personal", "never")
    yield from inside(schema, path)


def operations():
    for item in DOCUMENT["paths"].values():
        for method in METHODS:
            if method in item:
                yield item[method], [*item.get("parameters", []), *item[method].get("parameters", [])]


def declarations():
    """(source, of, name, declaration) of everything, personal or not."""
    for name, schema in SCHEMAS.items():
        yield from (("member", name, *found) for found in inside(schema, ""))
    for operation, parameters in operations():
        for parameter in parameters:
            parameter = PARAMETERS[target(parameter)] if "$ref" in parameter else parameter
            yield from (("parameter", operation["operationId"], *found)
                        for found in one(parameter["schema"], parameter["name"]))
        for body in operation.get("requestBody", {}).get("content", {}).values():
            yield from (("member", operation["operationId"], *found)
                        for found in inside(body["schema"], ""))
    for table, place in PRIVACY["places"].items():
        yield from (("column", table, *found) for found in place["columns"].items())


DECLARED = [(source, of, name, said["purpose"], said["is"], said["retention"])
            for source, of, name, said in declarations() if said != "never"]


@pytest.fixture(scope="module")
def record(head):
    response = head.get("/v1/processing-record")
    assert response.status == 200, response
    return response.json


@pytest.fixture(scope="module")
def page(head):
    response = head.get("/v1/processing-record/page")
    assert (response.status, response.media_type) == (200, "text/html")
    return response


@pytest.fixture(scope="module")
def tree(page):
    return xml.etree.ElementTree.fromstring(page.text.replace("<!DOCTYPE html>", "").replace(
        '<meta charset="utf-8">', "").replace(
        '<meta name="viewport" content="width=device-width,initial-scale=1">', ""))


def test_each_declaration_occurs_once_and_nothing_else(record):
    found = [(data["source"], data["of"], data["name"], purpose["name"], data["kind"],
              data["retention"]) for purpose in record["purposes"] for data in purpose["data"]]
    assert sorted(found) == sorted(DECLARED)
    assert ("member", "Person", "email", "programme", "identifies", "person") in found


def test_purposes_are_those_of_the_contract(record):
    for purpose in record["purposes"]:
        said = PRIVACY["purposes"][purpose["name"]]
        assert {key: purpose[key] for key in said} == said
    assert [purpose["name"] for purpose in record["purposes"]] == list(PRIVACY["purposes"])


def test_retention_is_that_of_the_contract(record):
    assert record["retention"] == [
        {"name": name, **said} for name, said in PRIVACY["retention"].items()]


def test_who_answers_and_what_protects(record):
    assert {k: v for k, v in record["controller"].items() if v} == PRIVACY["controller"]
    assert record["security"] == PRIVACY["security"]
    assert record["transfers"] == PRIVACY["transfers"]


def test_places_say_what_an_erasure_does(record):
    assert record["places"] == [
        {"name": name, "belongs": "of" in place, "on_erasure": place["on_erasure"],
         "ground": place.get("ground")}
        for name, place in PRIVACY["places"].items() if "on_erasure" in place]


def rows(table):
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")][1:]


def test_the_page_lists_the_same(record, tree):
    tables = {}
    for section in tree.iter("section"):
        tables["".join(section.find("h2").itertext())] = [
            rows(table) for table in section.iter("table")]
    for purpose in record["purposes"]:
        assert [row[:2] + row[3:] for row in tables[purpose["title"]][0]] == [
            [data["of"], data["name"], data["retention"]] for data in purpose["data"]]
    kept, places = tables["Retention and erasure"]
    assert [row[0] for row in kept] == list(PRIVACY["retention"])
    assert [row[0] for row in places] == [place["name"] for place in record["places"]]


def test_the_page_says_the_rest(record, tree):
    text = " ".join("".join(tree.itertext()).split())
    for purpose in record["purposes"]:
        for said in (purpose["description"].strip(), *purpose["subjects"], *purpose["recipients"]):
            assert said in text
    for said in (*record["security"], *record["transfers"], record["controller"]["contact"]):
        assert said in text


def test_the_page_can_be_read_by_all(page, tree):
    """One heading, tables with captions and heads, a language; nothing runs, nothing is kept."""
    assert tree.get("lang") == "en-GB" and len(list(tree.iter("h1"))) == 1
    for table in tree.iter("table"):
        assert table.find("caption") is not None
        assert all(head.get("scope") == "col" for head in table.iter("th"))
    assert page.header("Content-Security-Policy").startswith("default-src 'none'")
    assert page.header("Cache-Control") == "no-store"


def test_needs_its_own_scope(scoped):
    for path in ("/v1/processing-record", "/v1/processing-record/page"):
        assert scoped("processing_record:read").get(path).status == 200
        problem(scoped("people:read").get(path), 403, "insufficient_scope")
