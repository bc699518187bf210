"""What Schemathesis is given beside the contract: the caller's token, and records that exist.

Of the ids that it makes up, most are exchanged for those of records; with random ones every answer
would be 404.
"""

import json
import os
import re
import urllib.parse
import zlib

import schemathesis

GIVEN = json.loads(os.environ["IQM_SCHEMATHESIS"])
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOST = re.compile(r"^(https?://)[A-Za-z0-9.-]+(:[0-9]*)?(?=[/?#]|$)", re.IGNORECASE)
LONGEST = 700  # bytes of a parameter, of which an address may have some
# Headers whose patterns Schemathesis cannot always follow: it then sends another text and still calls
# it valid.
WELL_FORMED = {
    "Idempotency-Key": (re.compile(r'"[^"\\]{1,128}"'), lambda text: f'"{zlib.crc32(text.encode()):08x}"'),
    "If-Match": (re.compile(r'\*|(W/)?"[^"]*"'), lambda _text: '"3"'),
    "If-None-Match": (re.compile(r'\*|(W/)?"[^"]*"'), lambda _text: '"3"')}


def _known(name, value):
    """Another id in three of four cases, the same one each time; what is no id stays as it is."""
    ids = GIVEN["ids"].get(name)
    if not ids or not isinstance(value, str) or not UUID.fullmatch(value):
        return value
    number = zlib.crc32(value.encode())
    return value if number % 4 == 0 else ids[number // 4 % len(ids)]


def _kind(name):
    """The parameter that names the same kind of records: assessor_person_id is a person_id."""
    return next((known for known in GIVEN["ids"] if name == known or name.endswith("_" + known)), name)


def _fill(value, name=""):
    """Ids inside a document."""
    if isinstance(value, dict):
        return {key: _fill(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, name.removesuffix("s")) for inner in value]
    return _known(_kind(name), value)


@schemathesis.hook
def map_path_parameters(_context, path_parameters):
    return _fill(path_parameters) if path_parameters else path_parameters


@schemathesis.hook
def map_query(_context, query):
    return _fill(query) if query else query


@schemathesis.hook
def map_body(_context, body):
    return _fill(body)


def _shorten(values):
    """What is longer the HTTP parser itself refuses, with a line of HTML or none, since there is no
    request yet (`info` of the contract; tests/faults/test_http_abuse.py)."""
    for name, value in (values or {}).items():
        if isinstance(value, str) and len(urllib.parse.quote(value)) > LONGEST:
            values[name] = "x" * LONGEST


def _keep_at_home(body):
    """Endpoints that the server would send to are none but on this machine, where nothing listens."""
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        body["url"] = HOST.sub(r"\1127.0.0.1:9", body["url"])


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """`Prefer: return=minimal` leaves the body of an answer away, which no description of answers can
    say; tests/api/test_prefer.py tries it with each change."""
    _shorten(case.query)
    _shorten(case.headers)
    _keep_at_home(case.body)
    headers = case.headers or {}
    if headers.get("Prefer") == "return=minimal":
        headers["Prefer"] = "return=representation"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for name, (pattern, mend) in WELL_FORMED.items():
        if isinstance(headers.get(name), str) and not pattern.fullmatch(headers[name]):
            headers[name] = mend(headers[name])


@schemathesis.auth(refresh_interval=None)  # not the same for each operation
class Token:
    """For operations that take one; a client of OAuth says who it is in another way."""

    def get(self, case, _context):
        operation = case.operation.definition.raw
        if operation["operationId"] in ("revoke_session", "revoke_sessions"):  # else the caller has none left
            return GIVEN["spare"]
        return GIVEN["authorization"] if operation.get("security") else []

    def set(self, case, data, _context):
        for value in data:
            case.headers = {**(case.headers or {}), "Authorization": value}
