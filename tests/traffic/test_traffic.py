"""Every exchange of the whole run against the contract, read independently of our own compiler.

Comes last and waits until all other tests are over (see conftest.py). Then: each answer is as the
contract describes it, each operation was called, each status of its own was met.
"""

import base64
import gzip
import json
import pathlib
import re
from collections import defaultdict

import pytest

from support import contract
from support.places import ROOT, run_dir, traffic_dir, wait_for
from support.stage import finished

# Headers of HTTP itself, which no contract lists.
HTTP_HEADERS = {"date", "content-length", "content-type", "connection", "vary", "cache-control",
                "content-encoding", "x-content-type-options", "access-control-allow-origin",
                "access-control-expose-headers", "access-control-allow-methods",
                "access-control-allow-headers", "access-control-max-age", "transfer-encoding"}
# Every page has these; a redirect has the last.
PAGE_HEADERS = {"content-security-policy", "x-frame-options", "referrer-policy"}
# What the parser refuses by itself, bare: the contract's description names these.
PARSER_STATUSES = {400, 413, 414, 431, 501}
# Described headers that are not always there, and the statuses that need them.
CONDITIONAL = {"Link": (), "Allow": (405,), "Retry-After": (429, 503), "WWW-Authenticate": (401,),
               "RateLimit": (429,), "RateLimit-Policy": (429,), "Idempotency-Replayed": (),
               "Preference-Applied": ()}
DEADLINE = 900
PATIENCE_WITH_ODDITIES = 40


@pytest.fixture(scope="session")
def whole_run(request):
    """Whether this run holds all tests that are needed to meet everything."""
    here = {str(item.path) for item in request.session.items}
    api = {str(path) for path in (ROOT / "tests" / "api").glob("test_*.py")}
    assert api
    option = request.config.option
    return api <= here and not option.keyword and not option.markexpr and not any(
        "::" in argument for argument in request.config.args)


@pytest.fixture(scope="session")
def exchanges(request):
    here = pathlib.Path(__file__)
    others = {item.nodeid for item in request.session.items if item.path != here}
    wait_for(lambda: others <= finished(), "the other tests to end", DEADLINE)
    lines = [line for path in sorted(traffic_dir().glob("*.jsonl"))
             for line in path.read_text(encoding="utf-8").splitlines()]
    assert run_dir().is_dir()
    return [Exchange(json.loads(line)) for line in lines]


def _bytes(body):
    return body["text"].encode() if "text" in body else base64.b64decode(body["base64"])


class Exchange:
    def __init__(self, line):
        self.line = line
        self.method, self.target, self.status = line["method"], line["target"], line["status"]
        self.path = contract.find_path(self.target) if self.target.startswith("/") else None
        self.operation = contract.find_operation(self.method, self.target) if self.path else None
        self.headers = defaultdict(list)
        for name, value in line["answer_headers"]:
            self.headers[name.lower()].append(value)

    @property
    def media_type(self):
        return self.headers.get("content-type", [""])[0].split(";")[0]

    @property
    def body(self):
        data = _bytes(self.line["answer_body"])
        coded = self.headers.get("content-encoding") == ["gzip"]
        return gzip.decompress(data) if coded and data else data

    def __str__(self):
        return f"{self.method} {self.target[:120]} → {self.status} in {self.line['test']}"


def check_headers(exchange, response):
    """Described ones are there and fit; none is there undescribed or twice."""
    described = response.get("headers", {})
    for name, node in described.items():
        needed = name not in CONDITIONAL or exchange.status in CONDITIONAL[name]
        is_file = exchange.media_type != "application/json"
        if name == "Content-Disposition":  # of lists, only where they are files
            needed = is_file
        if name == "ETag" and {"application/json", "text/csv"} <= response.get("content", {}).keys():
            needed = not is_file  # a file is sent while it is read: nobody knows its version before
        values = exchange.headers.get(name.lower(), [])
        if needed and not values:
            yield f"lacks the header {name}"
        for value in values:
            yield from contract.complaints(contract.resolve(node)["schema"], value)
    known = HTTP_HEADERS | (PAGE_HEADERS if exchange.status == 303 or
                            exchange.media_type == "text/html" else set())
    for name, values in exchange.headers.items():
        if name not in known and name not in {n.lower() for n in described}:
            yield f"has the header {name}, which the contract does not describe"
        if len(values) > 1:
            yield f"has the header {name} {len(values)} times"


def check_body(exchange, response):
    content = response.get("content", {})
    if exchange.method == "HEAD" or not content or exchange.headers["preference-applied"]:
        if exchange.body:
            yield "has a body where none belongs"
        return
    if exchange.media_type not in content:
        yield f"has the media type {exchange.media_type!r}, not one of {[*content]}"
    elif exchange.media_type == "application/x-ndjson":
        for line in exchange.body.splitlines():
            json.loads(line)
    elif exchange.media_type.endswith("json"):
        value = json.loads(exchange.body)
        yield from contract.complaints(content[exchange.media_type]["schema"], value)
        if exchange.media_type == "application/problem+json" and \
                value.get("status") != exchange.status:
            yield f"says status {value.get('status')} in its body"
    elif exchange.media_type == "text/html":
        yield from check_page(exchange)
    elif exchange.media_type == "text/event-stream":
        yield from check_events(exchange.body.decode())


def check_events(text):
    """Of a stream, what was read of it: fields in lines, ids alone as data."""
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        if line not in ("", ":") and name not in ("event", "id", "data", "retry"):
            yield f"has the line {line[:80]!r}"
        for one in json.loads(value).get("changes", []) if name == "data" else ():
            if set(one) != {"change", "type", "id"}:
                yield f"tells {one} in an event"


def check_page(exchange):
    """No script but files of this server on pages of the reference, no frame, no cache, and for people
    who cannot see: a language, one heading."""
    page, policy = exchange.body.decode(), exchange.headers["content-security-policy"]
    if len(policy) != 1 or "default-src 'none'" not in policy[0] or "unsafe" in policy[0] or \
            "frame-ancestors 'none'" not in policy[0]:
        yield f"has the policy {policy}"
    own = r'(?! defer src="/docs/assets/[^"]*"></script>)' if "script-src 'self';" in policy[0] else ""
    if re.search(rf"<script{own}|<[^>]*\s(on[a-z]+|style)=", page, re.IGNORECASE):
        yield "has a script, or style outside its sheet"
    if '<html lang="en-GB">' not in page or page.count("<h1>") != 1:
        yield "says no language, or has not one heading"
    for name, value in (("x-frame-options", "DENY"), ("referrer-policy", "same-origin"),
                        ("cache-control", "no-store"), ("content-type", "text/html; charset=utf-8")):
        if exchange.headers[name] != [value]:
            yield f"has {name} {exchange.headers[name]}"


def check_request(exchange):
    """What was answered with success was asked for as the contract says."""
    line, operation = exchange.line, exchange.operation
    if exchange.status >= 400 or line["raw"] or not line["body_whole"]:
        return
    schema, value = operation.read_body(_bytes(line["body"]))
    if schema:
        yield from contract.complaints(contract.as_sent(schema), value)
    secured = operation.node["security"] != []
    if secured and not any(n.lower() == "authorization" for n, _ in line["headers"]):
        yield "was answered without a token"


def check_options(exchange):
    if exchange.status != 204 or exchange.body:
        yield "is not 204 without a body"
    allowed = set(exchange.headers["allow"][0].split(", "))
    if allowed != contract.allowed_methods(exchange.path):
        yield f"allows {allowed}"
    yield from check_headers(exchange, {"headers": {
        "Allow": {"$ref": "#/components/headers/Allow"},
        "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"},
        "RateLimit": {"$ref": "#/components/headers/RateLimit"},
        "RateLimit-Policy": {"$ref": "#/components/headers/RateLimit-Policy"}}})


def check_outside(exchange):
    """No operation was met: a problem with a shared status, described as any `default`."""
    if exchange.status not in contract.SHARED:
        yield "has a status that is not shared, and no operation"
    response = contract.resolve({"$ref": "#/components/responses/Problem"})
    yield from check_headers(exchange, response)
    yield from check_body(exchange, response)


def is_no_request(exchange):
    """A head so bad that no operation was looked for: a problem, whatever errors look like there."""
    return exchange.line["raw"] and exchange.status == 400 and \
        exchange.media_type == "application/problem+json"


def check(exchange):
    refused = exchange.status in PARSER_STATUSES and "x-request-id" not in exchange.headers
    if refused and exchange.line["raw"]:
        return
    if exchange.method == "OPTIONS" and exchange.path and exchange.status < 400:
        yield from check_options(exchange)
    elif exchange.operation is None or exchange.status == 405 or is_no_request(exchange):
        yield from check_outside(exchange)
    elif (response := exchange.operation.response(exchange.status)) is None:
        yield f"is no status of {exchange.operation.id}"
    else:
        yield from check_headers(exchange, response)
        yield from check_body(exchange, response)
        yield from check_request(exchange)


def odd_answers(exchanges):
    odd, seen = [], set()
    for exchange in exchanges:
        key = hash((exchange.method, exchange.path, exchange.status, exchange.media_type,
                    json.dumps(exchange.line["answer_body"])))
        odd += [f"{exchange}: {complaint}" for complaint in (check(exchange) if key not in seen else ())]
        seen.add(key)
        if len(odd) > PATIENCE_WITH_ODDITIES:
            break
    return odd


def never_answered(exchanges):
    met = defaultdict(set)
    for exchange in exchanges:
        if exchange.operation is not None and exchange.method != "HEAD":
            met[exchange.operation.id].add(exchange.status)
    return [f"{operation.id}: never {status}" for operation in contract.OPERATIONS.values()
            for status in operation.statuses if status not in met[operation.id]]


def never_a_problem(exchanges):
    met = {e.status for e in exchanges if e.media_type == "application/problem+json"}
    return [f"the shared status {status} is never met as a problem"
            for status in sorted(set(contract.SHARED) - met)]


def never_told(exchanges):
    met = {contract.read_error(e.operation, e.media_type, e.body)
           for e in exchanges if e.status >= 400}
    return [f"{kind} is never told" for kind in sorted(set(contract.DOCUMENT["x-problem-types"]) - met)]


# One test, so that one process alone reads all that was recorded.
def test_the_contract_is_kept_and_met(exchanges, whole_run):
    assert exchanges, "nothing was recorded"
    faults = odd_answers(exchanges)
    if whole_run:
        faults += never_answered(exchanges) + never_a_problem(exchanges) + never_told(exchanges)
    assert not faults, "\n".join(faults)
