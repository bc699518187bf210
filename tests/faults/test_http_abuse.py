"""Requests no honest client sends. Each gets one answer at most, framing in doubt closes the
connection, and the server goes on serving. What is refused must be refused before it acts."""
import json
import os
import random
import uuid

import pytest
from support.places import wait_for

from wire import Closed, HTML_STATUSES, reset

pytestmark = pytest.mark.usefixtures("still_well")
HOST = b"Host: 127.0.0.1\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: smuggled\r\n\r\n"
REFUSED = {400, 413, 501}


@pytest.fixture
def still_well(calm_server):
    yield
    calm_server.is_well()


@pytest.fixture
def wire(calm_server):
    with calm_server.wire() as wire:
        yield wire


def one_answer_then_closed(wire, data, statuses):
    answer = wire.send(data).read().check()
    assert answer.status in statuses, answer
    assert answer.get("X-Request-Id") != "smuggled", answer
    wire.finish()
    assert wire.ended()
    return answer


def at_most_one_answer(wire, data, statuses):
    """For what is so broken that closing without a word is an answer too."""
    try:
        one_answer_then_closed(wire, data, statuses)
    except Closed as closed:
        assert closed.args[0] == b"", closed.args[0]


def still_open(server, wire):
    """The next request on this connection gets its own answer, not a left-over."""
    name = f"next-{uuid.uuid4()}"
    answer = server.ask("GET", "/healthz", headers={"X-Request-Id": name}, wire=wire)
    assert answer.status == 200 and answer.get("X-Request-Id") == name, answer


def post(server, fields, body):
    head = (f"POST /v1/clusters HTTP/1.1\r\nAuthorization: Bearer {server.token}\r\n"
            "Content-Type: application/json\r\n").encode()
    return head + HOST + fields + b"\r\n" + body


def new_name():
    return f"Abuse {uuid.uuid4()}"


def count_named(server, name):
    found = server.cluster.sql(f"SELECT count(*) FROM cluster WHERE doc->>'name' = '{name}'")
    return int(found[0][0])


# ---- framing ----

AMBIGUOUS = {
    "length and chunked": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n",
    "two lengths that differ": b"Content-Length: %d\r\nContent-Length: 3\r\n",
    "two lengths that differ, second right": b"Content-Length: 3\r\nContent-Length: %d\r\n",
    "two equal lengths": b"Content-Length: %d\r\nContent-Length: %d\r\n",
    "a list of lengths": b"Content-Length: %d, %d\r\n",
    "a list of lengths that differ": b"Content-Length: %d, 3\r\n",
    "space before the colon": b"Content-Length : %d\r\n",
    "tab before the colon": b"Content-Length\t: %d\r\n",
    "space before the coding's colon": b"Transfer-Encoding : chunked\r\n",
    "negative": b"Content-Length: -%d\r\n",
    "plus": b"Content-Length: +%d\r\n",
    "hexadecimal": b"Content-Length: 0x%x\r\n",
    "two numbers": b"Content-Length: %d 5\r\n",
    "no number": b"Content-Length: \r\n",
    "letters": b"Content-Length: %da\r\n",
    "exponent": b"Content-Length: %de0\r\n",
    "fraction": b"Content-Length: %d.0\r\n",
    "other digits": b"Content-Length: \xd9\xa5\r\n",
    "2^64-1": b"Content-Length: 18446744073709551615\r\n",
    "2^64": b"Content-Length: 18446744073709551616\r\n",
    "2^63": b"Content-Length: 9223372036854775808\r\n",
    "2^64 and a little": b"Content-Length: 18446744073709551621\r\n",
    "thirty digits": b"Content-Length: 999999999999999999999999999999\r\n",
    "identity": b"Transfer-Encoding: identity\r\n",
    "gzip": b"Transfer-Encoding: gzip\r\n",
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n",
    "chunked, gzip": b"Transfer-Encoding: chunked, gzip\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "chunked in two fields": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "chunked and another field": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    "another field and chunked": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
    "nearly chunked": b"Transfer-Encoding: xchunked\r\n",
    "chunked in quotes": b"Transfer-Encoding: \"chunked\"\r\n",
    "chunked with a parameter": b"Transfer-Encoding: chunked;q=1\r\n",
    "a control byte before chunked": b"Transfer-Encoding: \x0bchunked\r\n",
    "no coding": b"Transfer-Encoding: \r\n",
    "coding on a folded line": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: %d\r\n",
    "length hidden by a bare CR": b"X: y\rContent-Length: %d\r\nTransfer-Encoding: chunked\r\n"
                                  b"Content-Length: 3\r\n",
    "NUL in the length": b"Content-Length: %d\x00\r\n",
    "NUL in the name": b"Content-\x00Length: %d\r\nContent-Length: 2\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_framing_in_doubt_is_refused_and_closed(calm_server, wire, name):
    record = new_name()
    body = json.dumps({"name": record}).encode()
    fields = AMBIGUOUS[name]
    count = fields.count(b"%d") + fields.count(b"%x")
    data = post(calm_server, fields % ((len(body),) * count), body + SMUGGLED)
    one_answer_then_closed(wire, data, REFUSED)
    assert count_named(calm_server, record) == 0


@pytest.mark.parametrize("name", ["length and chunked", "two lengths that differ", "2^64",
                                  "gzip, chunked", "two equal lengths"])
def test_framing_in_doubt_is_refused_for_a_get_too(calm_server, wire, name):
    fields = AMBIGUOUS[name]
    fields = fields % ((5,) * fields.count(b"%d"))
    data = b"GET /healthz HTTP/1.1\r\n" + HOST + fields + b"\r\n12345" + SMUGGLED
    one_answer_then_closed(wire, data, REFUSED)


BAD_CHUNKS = {
    "negative size": b"-1\r\nX\r\n0\r\n\r\n",
    "no hexadecimal": b"zz\r\nX\r\n0\r\n\r\n",
    "0x": b"0x5\r\nHello\r\n0\r\n\r\n",
    "two sizes": b"5 5\r\nHello\r\n0\r\n\r\n",
    "plus": b"+5\r\nHello\r\n0\r\n\r\n",
    "space before": b" 5\r\nHello\r\n0\r\n\r\n",
    "no size": b"\r\nHello\r\n0\r\n\r\n",
    "2^68": b"fffffffffffffffff\r\nHello\r\n0\r\n\r\n",
    "2^64+5": b"10000000000000005\r\nHello\r\n0\r\n\r\n",
    "data longer than its size": b"3\r\nHello\r\n0\r\n\r\n",
    "data shorter than its size": b"7\r\nHello\r\n0\r\n\r\n",
    "NUL in the size": b"5\x00\r\nHello\r\n0\r\n\r\n",
    "a bare CR after the size": b"5\rHello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_bad_chunks_are_refused_and_closed(calm_server, wire, name):
    data = post(calm_server, b"Transfer-Encoding: chunked\r\n", BAD_CHUNKS[name] + SMUGGLED)
    one_answer_then_closed(wire, data, REFUSED)


@pytest.mark.parametrize("size", [b"ffffffffffffffff", b"7fffffffffffffff", b"ffffffff"])
def test_a_chunk_that_never_ends_is_never_taken(calm_server, wire, size):
    record = new_name()
    body = size + b"\r\n" + json.dumps({"name": record}).encode() + b"\r\n0\r\n\r\n"
    wire.send(post(calm_server, b"Transfer-Encoding: chunked\r\n", body + SMUGGLED)).finish()
    try:
        assert wire.read().check().status in REFUSED
    except Closed as closed:
        assert closed.args[0] == b"", closed.args[0]
    assert count_named(calm_server, record) == 0


def test_endless_chunk_extension_is_refused(calm_server, wire):
    data = post(calm_server, b"Transfer-Encoding: chunked\r\n", b"5;x=" + b"y" * 100000)
    at_most_one_answer(wire, data, REFUSED)


def test_endless_trailer_is_refused(calm_server, wire):
    body = b"2\r\n{}\r\n0\r\n" + b"X-More: y\r\n" * 20000
    at_most_one_answer(wire, post(calm_server, b"Transfer-Encoding: chunked\r\n", body),
                       REFUSED | {422, 431})


GOOD_CHUNKS = {
    "one": lambda b: b"%x\r\n%s\r\n0\r\n\r\n" % (len(b), b),
    "capital digits": lambda b: b"%X\r\n%s\r\n0\r\n\r\n" % (len(b), b),
    "a byte each": lambda b: b"".join(b"1\r\n%c\r\n" % c for c in b) + b"0\r\n\r\n",
    "extension": lambda b: b"%x;a=b\r\n%s\r\n0;c\r\n\r\n" % (len(b), b),
    "trailer": lambda b: b"%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(b), b),
    "trailer that would frame": lambda b: b"%x\r\n%s\r\n0\r\nContent-Length: 9\r\n\r\n"
                                          % (len(b), b),
    "zeros before": lambda b: b"%010x\r\n%s\r\n00\r\n\r\n" % (len(b), b),
}


@pytest.mark.parametrize("name", GOOD_CHUNKS)
@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
def test_good_chunks_are_taken(calm_server, wire, name, coding):
    body = json.dumps({"name": new_name()}).encode()
    data = post(calm_server, b"Transfer-Encoding: " + coding + b"\r\n", GOOD_CHUNKS[name](body))
    answer = wire.send(data).read().check()
    if name == "extension" and answer.status == 400:
        # libmicrohttpd 1.0.1 refuses every chunk extension, 1.0.10 skips them: both are safe.
        assert answer.is_bare and wire.finish().ended()
        return
    assert answer.status == 201, answer
    still_open(calm_server, wire)


# ---- the request line and the target ----

BROKEN_LINES = {
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /healthz \r\n" + HOST + b"\r\n",
    "no method": b" /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "lower-case version": b"GET /healthz http/1.1\r\n" + HOST + b"\r\n",
    "version without a dot": b"GET /healthz HTTP/11\r\n" + HOST + b"\r\n",
    "long version": b"GET /healthz HTTP/1.10\r\n" + HOST + b"\r\n",
    "version 0": b"GET /healthz HTTP/0.1\r\n" + HOST + b"\r\n",
    "HTTP/2 by name": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03" + b"\x07" * 80 + b"\r\n\r\n",
    "space in the target": b"GET /health z HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /healthz\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare CR in the target": b"GET /heal\rthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "vertical tab as a space": b"GET\x0b/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a bare CR for a line end": b"GET /healthz HTTP/1.1\rHost: a\r\r",
}


@pytest.mark.parametrize("name", BROKEN_LINES)
def test_broken_request_line_is_refused_and_closed(wire, name):
    at_most_one_answer(wire, BROKEN_LINES[name] + SMUGGLED, {400, 501, 505})


BAD_TARGETS = {
    "raw control byte": b"/v1/clus\x01ters", "raw DEL": b"/v1/clus\x7fters",
    "raw byte over 127": b"/v1/clusters/\xc3\xa9", "raw invalid UTF-8": b"/v1/\xff",
    "encoded NUL in the path": b"/v1/clusters/%00", "encoded NUL in the query":
    b"/v1/clusters?limit=1%00", "invalid UTF-8 in the path": b"/v1/clusters/%ff",
    "invalid UTF-8 in the query": b"/v1/schools?name_prefix=%ff",
    "overlong UTF-8": b"/v1/schools?name_prefix=%c0%af", "surrogate":
    b"/v1/schools?name_prefix=%ed%a0%80", "beyond Unicode": b"/v1/schools?name_prefix=%f5%80%80%80",
    "cut UTF-8": b"/v1/schools?name_prefix=%e2%82", "half an escape": b"/v1/clusters/%4",
    "no escape": b"/v1/clusters/%zz", "a percent at the end": b"/v1/schools?name_prefix=%",
    "fragment": b"/v1/clusters#x", "absolute form": b"http://127.0.0.1/v1/clusters",
    "authority form": b"127.0.0.1:80", "asterisk": b"*", "relative": b"v1/clusters",
    "backslash": b"\\v1\\clusters", "empty query name": b"/v1/clusters?=x",
    "unknown parameter": b"/v1/clusters?x=y", "65 parameters": b"/v1/clusters?" + b"&a=b" * 65,
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_bad_target_is_400_and_the_connection_stays(calm_server, wire, name):
    head = calm_server.head("GET", "TARGET").replace(b"TARGET", BAD_TARGETS[name])
    answer = wire.send(head).read().check()
    assert answer.status == 400, answer
    if answer.is_bare:
        assert wire.ended()
    else:
        still_open(calm_server, wire)


NO_SUCH = [b"/v1/clusters%2F", b"/v1%2Fclusters", b"/v1/x/../clusters", b"/v1/./clusters",
           b"//v1/clusters", b"/v1//clusters", b"/v1/clusters/", b"/..", b"/../../etc/passwd",
           b"/%2e%2e/%2e%2e/etc/passwd", b"/V1/clusters", b"//", b"//?", b"/v1/clusters;x=y",
           b"/healthz/", b"/v1/clusters/a/b/c/d/e/f/g/h"]


@pytest.mark.parametrize("target", NO_SUCH)
def test_paths_are_never_rewritten(calm_server, wire, target):
    head = calm_server.head("GET", "TARGET").replace(b"TARGET", target)
    answer = wire.send(head).read().check()
    assert answer.status == 404, answer
    still_open(calm_server, wire)


def test_escaped_letters_are_the_letters(calm_server, wire):
    assert calm_server.ask("GET", "/v1/%63lusters?%6cimit=1", wire=wire).status == 200


METHODS = ["get", "Get", "FOO", "TRACE", "CONNECT", "PATCHX", "PRI", "PROPFIND", "M" * 100, "G-T"]


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_405_with_allow(calm_server, wire, method):
    answer = wire.send(calm_server.head(method, "/healthz")).read().check()
    assert answer.status == 405, answer
    assert answer.get("Allow") == "GET, HEAD, OPTIONS"
    still_open(calm_server, wire)


@pytest.mark.parametrize("method", [b"G@T", b"GE\x01T", b"G\x00T", b"\xc3\xa9", b"(GET)"])
def test_method_that_is_no_token(wire, method):
    at_most_one_answer(wire, method + b" /healthz HTTP/1.1\r\n" + HOST + b"\r\n", {400, 405, 501})


def test_trace_never_echoes(calm_server, wire):
    data = calm_server.head("TRACE", "/healthz", {"X-Secret": "do-not-echo"})
    answer = wire.send(data).read().check()
    assert b"do-not-echo" not in answer.body and calm_server.token.encode() not in answer.body


def test_connect_to_an_authority_is_refused(wire):
    wire.send(b"CONNECT 127.0.0.1:5432 HTTP/1.1\r\n" + HOST + b"\r\n")
    assert wire.read().check().status in (400, 405, 501)


def test_options_for_the_whole_server(wire):
    wire.send(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
    assert wire.read().check().status in (204, 400)


@pytest.mark.parametrize("length", [4001, 6000, 7500, 20000, 200000])
def test_too_long_target(wire, length):
    wire.send(b"GET /" + b"a" * length + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert wire.read().check().status == 414


def test_an_empty_line_before_the_request_is_skipped(wire):
    wire.send(b"\r\nGET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert wire.read().check().status == 200


def test_bare_line_feeds_end_lines_or_are_refused(wire):
    wire.send(b"GET /healthz HTTP/1.1\nHost: a\nConnection: close\n\n")
    assert wire.read().check().status in (200, 400)
    assert wire.ended()


# A coding it does not know: 400 from libmicrohttpd 1.0.1, 501 from 1.0.10.
@pytest.mark.parametrize("name,statuses", [("no colon", {400}), ("no number", {400}),
                                           ("gzip", {400, 501}), ("long header", {431})])
def test_what_the_parser_refuses_is_as_the_contract_says(wire, name, statuses):
    fields = {"no colon": b"X-A\r\n", "long header": b"X-A: " + b"y" * 9000 + b"\r\n"}
    wire.send(b"POST /v1/clusters HTTP/1.1\r\n" + HOST + fields.get(name, AMBIGUOUS.get(name))
              + b"\r\n")
    answer = wire.read().check()
    assert answer.status in statuses, answer
    assert answer.is_bare and answer.get("Content-Type") is None, answer
    assert b"\n" not in answer.body.strip() and wire.finish().ended()


# ---- header fields ----

@pytest.mark.parametrize("hosts", [[], ["a", "b"], ["a", "a"]])
def test_host_must_stand_once(wire, hosts):
    fields = "".join(f"Host: {host}\r\n" for host in hosts).encode()
    one_answer = wire.send(b"GET /healthz HTTP/1.1\r\n" + fields + b"\r\n").read().check()
    assert one_answer.status == 400, one_answer


BAD_FIELDS = {
    "NUL in a value": b"X-A: a\x00b\r\n", "no colon": b"X-A\r\n",
    "no name": b": a\r\n", "space in a name": b"X A: b\r\n", "space before the name": None,
    "bare CR in a value": b"X-A: a\rb\r\n", "NUL in a name": b"X\x00A: b\r\n",
    "space before the colon": b"X-A : b\r\n",
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_bad_fields_are_refused(wire, name):
    fields = BAD_FIELDS[name]
    lines = HOST + fields if fields is not None else b" X-A: b\r\n" + HOST
    at_most_one_answer(wire, b"GET /healthz HTTP/1.1\r\n" + lines + b"\r\n", {400})


ODD_FIELDS = {
    "control byte in a value": b"X-A: a\x01b\r\n", "bytes over 127": b"X-A: \xff\xfe\r\n",
    "folded line": b"X-A: a\r\n b\r\n", "empty value": b"X-A:\r\n",
    "control byte in a name": b"X\x01A: b\r\n", "odd characters in a name": b"X(A): b\r\n",
}


@pytest.mark.parametrize("name", ODD_FIELDS)
def test_odd_fields_are_refused_or_harmless(wire, name):
    wire.send(b"GET /healthz HTTP/1.1\r\n" + HOST + ODD_FIELDS[name] + b"\r\n")
    assert wire.read().check().status in (200, 400)


def test_a_folded_authorization_gives_no_access(calm_server, wire):
    half = len(calm_server.token) // 2
    token = calm_server.token
    wire.send(f"GET /v1/clusters HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token[:half]}\r\n "
              f"{token[half:]}\r\n\r\n".encode())
    assert wire.read().check().status in (400, 401)


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Expect", "Origin",
                                  "X-Request-Id", "traceparent"])
def test_fields_that_may_stand_once(calm_server, wire, name):
    head = calm_server.head("GET", "/v1/clusters", token=False)
    twice = f"{name}: a\r\n{name.upper()}: a\r\n\r\n".encode()
    assert wire.send(head[:-2] + twice).read().check().status == 400


@pytest.mark.parametrize("value", ["a b", "x" * 65, "\x7f", "\xe9", "a\"b", "<script>", ""])
def test_a_bad_request_id_is_not_echoed(wire, value):
    data = f"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: {value}\r\n\r\n"
    answer = wire.send(data.encode("latin-1")).read().check()
    assert answer.status in (200, 400) and answer.get("X-Request-Id") != value


def test_too_many_fields(calm_server, wire):
    fields = {f"X-{i}": "y" for i in range(100)}
    answer = wire.send(calm_server.head("GET", "/healthz", fields)).read().check()
    assert answer.status == 431, answer
    if not answer.is_bare:
        still_open(calm_server, wire)


@pytest.mark.parametrize("count,length", [(1, 9000), (20, 1000), (3000, 10), (1, 500000)])
def test_too_large_fields(wire, count, length):
    fields = b"".join(b"X-%d: %s\r\n" % (i, b"y" * length) for i in range(count))
    wire.send(b"GET /healthz HTTP/1.1\r\n" + HOST + fields + b"\r\n")
    assert wire.read().check().status == 431
    wire.finish()
    assert wire.ended()


@pytest.mark.parametrize("count", [1, 40])
def test_headers_that_leave_no_room_for_the_answer_change_nothing(calm_server, count):
    """Request and answer share a connection's memory. A client that is not answered will send the
    same again: then nothing must have been done."""
    unanswered = []
    for size in range(4000, 8400, 30):
        name = new_name()
        fields = {f"X-{i}": "y" * (size // count - 10) for i in range(count)}
        with calm_server.wire() as wire:
            try:
                answer = wire.send(calm_server.request("POST", "/v1/clusters", {"name": name},
                                                       fields)).read().check()
                assert answer.status in (201, 431), answer
            except Closed:
                unanswered.append(name)
    assert sum(count_named(calm_server, name) for name in unanswered) == 0, len(unanswered)


# ---- bodies and expectations ----

def test_oversized_declared_body(calm_server, wire):
    data = post(calm_server, b"Content-Length: 2000000\r\n", b"x" * 2000000)
    one_answer_then_closed(wire, data, {413})


CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def test_oversized_chunked_body(calm_server, wire):
    data = post(calm_server, b"Transfer-Encoding: chunked\r\n", CHUNK * 24 + b"0\r\n\r\n")
    assert wire.send(data).read().check().status == 413


def test_endless_chunked_body_is_cut_off(calm_server, wire):
    """Twice the limit is read away so that the refusal arrives; beyond that there is an end."""
    wire.send(post(calm_server, b"Transfer-Encoding: chunked\r\n", CHUNK * 200))
    try:
        assert wire.read().check().status == 413
    except Closed as closed:
        assert closed.args[0] == b"", closed.args[0]


def test_body_of_exactly_the_limit_is_read(calm_server, wire):
    body = json.dumps({"name": new_name()}).encode()
    body += b" " * (1048576 - len(body))
    answer = calm_server.ask("POST", "/v1/clusters", body, wire=wire)
    assert answer.status == 201
    still_open(calm_server, wire)


def test_body_on_a_get_is_refused_and_read_away(calm_server, wire):
    wire.send(calm_server.head("GET", "/v1/clusters", {"Content-Length": "5"}) + b"12345")
    assert wire.read().check().status == 400
    still_open(calm_server, wire)


def test_long_body_on_a_get_is_refused_before_it_comes(calm_server, wire):
    wire.send(calm_server.head("GET", "/v1/clusters", {"Content-Length": "2000000"}))
    assert wire.read().check().status == 400


def test_endless_chunked_body_on_a_get_is_cut_off(calm_server, wire):
    """Little more is read away than of one whose length is told."""
    wire.send(calm_server.head("GET", "/v1/clusters", {"Transfer-Encoding": "chunked"}) + CHUNK * 200)
    try:
        assert wire.read().check().status == 400
    except Closed as closed:
        assert closed.args[0] == b"", closed.args[0]


def test_empty_object_on_a_get_after_the_go_ahead(calm_server, wire):
    wire.send(calm_server.head("GET", "/v1/clusters", {"Expect": "100-continue", "Content-Length": "2"}))
    assert wire.read().status == 100
    assert wire.send(b"{}").read().check().status == 200
    still_open(calm_server, wire)


def test_empty_body_where_one_is_needed(calm_server, wire):
    wire.send(post(calm_server, b"Content-Length: 0\r\n", b""))
    assert wire.read().check().status == 400
    still_open(calm_server, wire)


def test_expectation_is_met_before_the_body(calm_server, wire):
    body = json.dumps({"name": new_name()}).encode()
    wire.send(post(calm_server, b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(body), b""))
    assert wire.read().status == 100
    assert wire.send(body).read().check().status == 201
    still_open(calm_server, wire)


@pytest.mark.parametrize("target,status", [("/v1/nowhere", 404), ("/v1/clusters?x=y", 400)])
def test_expectation_is_refused_without_go_ahead(calm_server, wire, target, status):
    wire.send(calm_server.head("POST", target, {
        "Expect": "100-continue", "Content-Type": "application/json", "Content-Length": "20"}))
    answer = wire.read().check()
    assert answer.status == status, answer
    # The client may send the body or not: the connection cannot be used on.
    wire.finish()
    assert wire.ended()


def test_oversized_body_is_refused_without_go_ahead(calm_server, wire):
    wire.send(post(calm_server, b"Expect: 100-continue\r\nContent-Length: 2000000\r\n", b""))
    assert wire.read().check().status == 413


@pytest.mark.parametrize("expect", ["200-ok", "100-continue, x", "100-continuex", "100", "1"])
def test_unknown_expectation_is_417(calm_server, wire, expect):
    wire.send(calm_server.head("GET", "/healthz", {"Expect": expect}))
    assert wire.read().check().status == 417


def test_upload_of_the_wrong_kind_is_refused_before_its_body(calm_server, wire):
    wire.send(calm_server.head("POST", "/v1/imports/register", {
        "Expect": "100-continue", "Content-Type": "text/html", "Content-Length": "100"}))
    assert wire.read().check().status == 415


def test_upload_without_a_token_is_refused_before_its_body(calm_server, wire):
    wire.send(calm_server.head("POST", "/v1/imports/register", {
        "Expect": "100-continue", "Content-Type": "text/csv", "Content-Length": "100"}, False))
    assert wire.read().check().status == 401


# ---- connections ----

def names(count):
    return [f"p{i}-{uuid.uuid4()}" for i in range(count)]


def test_pipelined_requests_are_answered_in_order(calm_server, wire):
    sent = names(30)
    targets = ["/healthz", "/v1/clusters?limit=1", "/v1/nowhere", "/v1/clusters?x=y",
               f"/v1/clusters/{uuid.uuid4()}"]
    wire.send(b"".join(calm_server.head("GET", targets[i % 5], {"X-Request-Id": name})
                       for i, name in enumerate(sent)))
    got = [wire.read().check() for _ in sent]
    assert [answer.get("X-Request-Id") for answer in got] == sent
    assert [answer.status for answer in got] == [200, 200, 404, 400, 404] * 6


def test_pipelined_writes_are_done_in_order(calm_server, wire):
    record = calm_server.create()
    sent = names(6)
    changes = [calm_server.request("PATCH", f"/v1/clusters/{record['id']}", {"notes": name},
                                   {"If-Match": f'"{i + 1}"', "X-Request-Id": name})
               for i, name in enumerate(sent)]
    wire.send(b"".join(changes))
    got = [wire.read().check() for _ in sent]
    assert [answer.get("X-Request-Id") for answer in got] == sent
    assert [answer.json["notes"] for answer in got] == sent


def test_pipeline_ends_where_framing_breaks(calm_server, wire):
    good = calm_server.head("GET", "/healthz", {"X-Request-Id": "first"})
    bad = b"POST /v1/clusters HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n"
    wire.send(good + bad + SMUGGLED)
    assert wire.read().check().get("X-Request-Id") == "first"
    assert wire.read().check().status == 400
    assert wire.ended()


def test_a_head_answer_has_no_body_to_confuse_the_next(calm_server, wire):
    wire.send(calm_server.head("HEAD", "/v1/clusters?limit=1"))
    answer = wire.read("HEAD")
    assert answer.status == 200 and int(answer.get("Content-Length")) > 0
    still_open(calm_server, wire)


@pytest.mark.parametrize("target,status", [("/v1/nowhere", 404), ("/healthz", 405)])
def test_connection_is_kept_after_a_refusal_with_a_body(calm_server, wire, target, status):
    assert calm_server.ask("POST", target, {"name": "x"}, wire=wire).status == status
    still_open(calm_server, wire)


def test_connection_is_kept_after_422(calm_server, wire):
    assert calm_server.ask("POST", "/v1/clusters", {}, wire=wire).status == 422
    still_open(calm_server, wire)


def test_connection_closes_when_asked(calm_server, wire):
    wire.send(calm_server.head("GET", "/v1/clusters?limit=1", {"Connection": "close"}))
    answer = wire.read().check()
    assert answer.status == 200 and answer.get("Connection").lower() == "close"
    assert wire.ended()


def test_http_1_0_closes(wire):
    wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert wire.read().check().status == 200
    assert wire.ended()


def test_chunks_in_http_1_0_end_the_connection(calm_server, wire):
    """Faulty framing by RFC 9112, 6.1: the message may be processed, nothing may follow it."""
    data = post(calm_server, b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n")
    one_answer_then_closed(wire, data.replace(b"HTTP/1.1", b"HTTP/1.0") + SMUGGLED,
                           REFUSED | {411, 422})


@pytest.mark.parametrize("target", ["/healthz", "/v1/clusters?limit=1"])
def test_a_half_closed_client_gets_its_answer(calm_server, wire, target):
    wire.send(calm_server.head("GET", target)).finish()
    assert wire.read().check().status == 200
    assert wire.ended()


def test_half_closed_in_the_middle_of_a_body(calm_server, wire):
    record = new_name()
    body = json.dumps({"name": record}).encode()
    wire.send(post(calm_server, b"Content-Length: %d\r\n" % (len(body) + 10), body)).finish()
    try:
        assert wire.read().check().status == 400
    except Closed:
        pass
    assert count_named(calm_server, record) == 0


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\n", None])
def test_half_closed_in_the_middle_of_a_head(wire, sent):
    data = sent if sent is not None else b"GET /healthz HTTP/1.1\r\n" + HOST
    try:
        answer = wire.send(data).finish().read()
        assert answer.status in HTML_STATUSES | {408}
    except Closed:
        pass


def test_connections_reset_at_any_byte(calm_server):
    """The request stops at each place and the client is gone; nothing may be left behind."""
    record = new_name()
    whole = calm_server.request("POST", "/v1/clusters", {"name": record})
    for cut in range(0, len(whole) - 1, 7):
        wire = calm_server.wire()
        wire.send(whole[:cut])
        reset(wire.sock)
    calm_server.is_well()
    assert count_named(calm_server, record) == 0


def test_connections_reset_while_the_database_works(calm_server):
    for _ in range(50):
        wire = calm_server.wire()
        wire.send(calm_server.head("GET", "/v1/clusters?limit=50") * 3)
        reset(wire.sock)
    for _ in range(50):
        wire = calm_server.wire()
        wire.send(calm_server.request("POST", "/v1/clusters", {"name": new_name()}))
        reset(wire.sock)
    calm_server.is_well()


def test_uploads_reset_midway_leave_no_file(calm_server):
    spool = calm_server.directory / "spool"
    for _ in range(5):
        wire = calm_server.wire()
        wire.send(calm_server.head("POST", "/v1/imports/register", {
            "Content-Type": "text/csv", "Content-Length": "100000"}) + b"URN,Name\r\n" * 2000)
        reset(wire.sock)
    wait_for(lambda: not list(spool.glob("*.part*")), "the spool is empty of parts", 15)


# ---- and what nobody thought of ----

SEED = int(os.environ.get("IQM_FAULTS_SEED", "20260901"))
SPICES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"%", b"%00", b"\xff", b"-1",
          b"0", b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
          b"HTTP/1.1",
          b"Expect: 100-continue\r\n", b"Host: b\r\n", b"{", b"\"", b"?", b"/", b"A" * 300]


def spoiled(chance, data):
    """A few bytes changed, taken out, repeated or put in."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at:at + chance.randint(1, 12)]
        elif kind == 2:
            data[at:at] = data[at:at + chance.randint(1, 60)]
        else:
            data[at:at] = chance.choice(SPICES)
    return bytes(data)


@pytest.fixture
def impatient_server(calm_cluster, new_server):
    return new_server(calm_cluster, IQM_REQUEST_TIMEOUT="2", IQM_IDLE_TIMEOUT="1").ready()


def test_spoiled_requests(impatient_server):
    """Each answer that comes is a whole one, and as the contract describes answers. All at once, as
    many of them leave the server waiting for more."""
    server, chance = impatient_server, random.Random(SEED)
    chunked = post(server, b"Transfer-Encoding: chunked\r\n",
                   b"7;a=b\r\n{\"name\"\r\n6\r\n: \"x\"}\r\n0\r\nX-T: 1\r\n\r\n")
    good = [server.request("POST", "/v1/clusters", {"name": "x"}), chunked,
            server.head("GET", "/v1/schools?limit=1&name_prefix=%c3%a9", {"Accept": "*/*"}),
            server.head("OPTIONS", "/v1/clusters", {"Origin": "https://a.example"})]
    sent = [spoiled(chance, b"".join(chance.choices(good, k=chance.randint(1, 3))))
            for _ in range(800)]
    wires = [server.wire().send(data) for data in sent]
    for wire, data in zip(wires, sent):
        with wire:
            read_all(wire, data)
    server.is_well()


def read_all(wire, data):
    try:
        while True:
            answer = wire.read()
            assert 100 <= answer.status < 500 or answer.status in (501, 505), (data, answer)
            if answer.status != 100:
                answer.check()
    except Closed as closed:
        assert closed.args[0] == b"", (data, closed.args[0])
    except TimeoutError:
        raise AssertionError(f"neither answered nor closed: {data!r}") from None
