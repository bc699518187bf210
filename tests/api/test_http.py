"""HTTP itself: methods, targets, negotiation, bodies, compression, CORS, ids of requests."""

import gzip
import json
import re
import uuid

import pytest

from support.client import Client
from support.contract import DOCUMENT, allowed_methods
from support.expect import bad_parameter, invalid, page_of, problem

ORIGIN = "https://app.example"
UNKNOWN = str(uuid.UUID(int=0, version=4))
NUL_ESCAPED = b'{"name": "a\\u0000b", "status": "open"}'


def target_of(path):
    """A target that the path template matches."""
    return re.sub(r"\{\w+\}", UNKNOWN, path)


def methods_of(header):
    return set(header.split(", "))


@pytest.fixture(params=DOCUMENT["paths"])
def path(request):
    return request.param


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE", "TRACE", "BREW",
                                        "get", "Post", "CONNECT"])
    def test_not_allowed_here(self, path, method, head):
        allowed = allowed_methods(path)
        if method in allowed:
            return
        response = head.request(method, target_of(path))
        problem(response, 405, "method_not_allowed")
        assert methods_of(response.header("Allow")) == allowed

    def test_options(self, path, anyone):
        response = anyone.request("OPTIONS", target_of(path))
        assert (response.status, response.body) == (204, b"")
        assert methods_of(response.header("Allow")) == allowed_methods(path)
        open_to_all = "x-cache-seconds" in DOCUMENT["paths"][path].get("get", {})
        assert response.header("Access-Control-Allow-Origin") == ("*" if open_to_all else None)

    def test_head_wherever_get(self, path, head):
        if "get" not in DOCUMENT["paths"][path]:
            return
        full, short = head.get(target_of(path)), head.request("HEAD", target_of(path))
        assert (short.status, short.body) == (full.status, b"")
        assert short.header("Content-Type") == full.header("Content-Type")


class TestTargets:
    @pytest.mark.parametrize("target", ["//", "/v1", "/v1/", "/v1/schools/", "//v1/schools",
                                        "/v1//schools", "/V1/schools", "/v1/school",
                                        "/v1/schools/../schools", "/v1/./schools",
                                        "/v1%2Fschools", "/openapi", "/metrics",
                                        f"/v1/schools/{UNKNOWN}/history/x"])
    def test_no_such_path(self, head, target):
        problem(head.get(target), 404, "not_found")

    @pytest.mark.parametrize("target", ["/v1/schools/%", "/v1/schools/%zz", "/v1/schools/%00",
                                        "/v1/schools/%ff", "/v1/schools/%c0%af", "/v1/s\xe9",
                                        "http://other.example/v1/schools", "*", "v1/schools",
                                        "/v1/schools/%ed%a0%80", "/v1/schools?name_prefix=%00",
                                        "/v1/schools?name_prefix=%ff", "/v1/schools?%00=1",
                                        "/v1/schools#top", "/v1/schools?a=%1"])
    def test_malformed(self, head, target):
        problem(head.get(target), 400, "malformed_request")

    @pytest.mark.parametrize("target", ["/%76%31/schools", "/v1/schoo%6Cs"])
    def test_percent_encoding_is_decoded_once(self, head, target):
        assert head.get(target).status == 200

    def test_an_encoded_slash_stays_within_its_segment(self, head):
        bad_parameter(head.get("/v1/schools/a%2Fhistory"), "school_id")
        bad_parameter(head.get("/v1/schools/%2e%2e"), "school_id")
        bad_parameter(head.get("/v1/schools/%252e"), "school_id")

    def test_too_long(self, head):
        problem(head.get("/v1/schools?name_prefix=" + "a" * 5000), 414, "uri_too_long")

    def test_too_many_header_fields(self, head):
        headers = [(f"X-{i}", "1") for i in range(80)]
        problem(head.get("/healthz", headers=headers), 431, "header_fields_too_large")

    def test_too_many_parameters(self, head):
        target = "/v1/schools?" + "&".join("limit=1" for _ in range(100))
        problem(head.get(target), 400, "malformed_request")

ERROR_FORMS = {None: "application/problem+json", "oauth": "application/json", "page": "text/html"}


class TestParameters:
    def test_unknown_repeated_and_wrong_ones_are_all_named(self, head):
        target = "/v1/schools?limit=0&limit=2&urn=x&colour=red&status=ajar&cluster_id=1&sort=urn"
        found = bad_parameter(head.get(target), "limit", "limit", "urn", "colour", "status",
                              "cluster_id", "sort")
        assert {e["in"] for e in found["errors"]} == {"query"}
        assert found["error_count"] == 7

    @pytest.mark.parametrize("limit", ["", "-1", "0", "201", "1.0", "+5", "0x10", "1e2", "01",
                                       "99999999999999999999", "%201", "ten"])
    def test_a_limit_that_is_none(self, head, limit):
        bad_parameter(head.get(f"/v1/schools?limit={limit}"), "limit")

    @pytest.mark.parametrize("query", ["Limit=1", "limit[]=1", "cursor", "%6cimit=0", "=", "=1"])
    def test_odd_queries(self, head, query):
        problem(head.get(f"/v1/schools?{query}"), 400, "invalid_parameters")

    @pytest.mark.parametrize("query", ["", "&", "limit=1&", "&limit=1", "limit=1&&", "%6cimit=1"])
    def test_harmless_queries(self, head, query):
        assert head.get(f"/v1/schools?{query}").status == 200

    def test_no_operation_ignores_a_parameter(self, path, head):
        for method in ("get", "post", "put", "patch", "delete"):
            operation = DOCUMENT["paths"][path].get(method, {"x-ignore-unknown": True})
            if "x-ignore-unknown" not in operation:
                response = head.request(method.upper(), target_of(path) + "?no_such=1")
                assert response.status in (400, 403, 415, 428), response
                assert response.media_type == ERROR_FORMS[operation.get("x-errors")]

    def test_preconditions_have_a_bound(self, head, make):
        school = make.school()
        long = '"' + "1" * 300 + '"'
        found = bad_parameter(head.delete(f"/v1/schools/{school['id']}", long), "If-Match")
        assert found["errors"][0]["in"] == "header"


class TestEntityTags:
    """A tag without its quotes is a mistake, not another version (RFC 9110, 13.1.1, 13.1.2)."""

    BROKEN = ['1', '"1', '1"', "'1'", 'W/1', 'w/"1"', '"1" "2"', '"1",2', '*, "1"', '', ',', '\\"1"',
              '"1"x', 'version 1']
    WHOLE = ['"1"', '"1", "2"', 'W/"1"', '"1.gz"', '*', '"1" ,, "2"', ', "1"', '"2",W/"1",']

    @pytest.mark.parametrize("tag", BROKEN)
    @pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
    def test_broken(self, name, tag, head, make):
        school = make.school()
        path = f"/v1/schools/{school['id']}"
        body = {k: school[k] for k in ("name", "status", "urn")}
        found = bad_parameter(head.put(path, body, headers={"If-Match": '"1"', name: tag}), name)
        assert found["errors"][0]["in"] == "header"
        assert found["errors"][0]["detail"].startswith('must be like "3";')
        if name == "If-Match":
            for answer in (head.patch(path, {"town": "Leeds"}, tag), head.delete(path, tag)):
                bad_parameter(answer, name)
        else:
            bad_parameter(head.get(path, headers={name: tag}), name)
        assert head.get(path).json == school

    @pytest.mark.parametrize("tag", WHOLE)
    def test_whole(self, tag, head, make):
        path = f"/v1/schools/{make.school()['id']}"
        assert head.get(path, headers={"If-None-Match": tag}).status == 304
        response = head.patch(path, {"town": "Leeds"}, tag)
        assert response.status == (412 if tag == 'W/"1"' or tag.startswith('"2"') else 200)

    def test_a_costly_one(self, head, make):
        """However it is put together, it is read once."""
        path = f"/v1/schools/{make.school()['id']}"
        for tag in ('"1"' + " , " * 40 + "x", ", " * 300 + "x", '"1",' * 45 + "x"):
            bad_parameter(head.get(path, headers={"If-None-Match": tag}), "If-None-Match")


class TestExamples:
    """A sentence that a person can act on shows what would do."""

    def test_a_time_of_day(self, head, make):
        for wrong in ("2pm", "14.30", "24:00", "14:30:00"):
            details = invalid(head.post("/v1/meetings", make.example("meeting", start_time=wrong)),
                              "/start_time")
            assert details["/start_time"].startswith("must be like 14:30;")

    def test_a_time(self, head):
        for wrong in ("2026-11-23", "yesterday", "2026-11-23T18:30:00Z"):
            found = bad_parameter(head.get(f"/v1/audit-records?from={wrong}"), "from")
            assert [e["detail"].split(";")[0] for e in found["errors"]] == \
                ["must be like 2026-11-23T18:30:00.000Z"]
        found = bad_parameter(head.get("/v1/audit-records?from=2026-02-30T18:30:00.000Z"), "from")
        assert [e["detail"] for e in found["errors"]] == \
            ["must be a time in UTC such as 2026-11-23T18:30:00Z"]

    @pytest.mark.parametrize("query", ["", "?client_id=front", f"?client_id={UNKNOWN}"])
    def test_an_application_that_nobody_knows(self, query, anyone):
        """Its person can do nothing but tell those who can."""
        page = page_of(anyone.get(f"/oauth/authorize{query}"), 400)
        assert "Tell the people who make it: they need to send the client_id that head office" in page

    def test_every_pattern_has_one(self):
        """Looked at in the whole contract: a pattern by itself tells few people anything."""
        def walk(node, place):
            if isinstance(node, dict):
                if isinstance(node.get("pattern"), str):
                    assert node.get("examples"), place
                for name, child in node.items():
                    walk(child, f"{place}/{name}")
            elif isinstance(node, list):
                for i, child in enumerate(node):
                    walk(child, f"{place}/{i}")
        walk(DOCUMENT, "")


def test_json_is_compact(world):
    """One form for all answers, wherever they were put together."""
    caller = world.ambassador.client
    for path in ("/v1/me", "/v1/me/sessions", "/v1/ambassadors", "/v1/schools?limit=1"):
        response = caller.get(path)
        assert response.status == 200
        assert response.body == json.dumps(response.json, ensure_ascii=False,
                                           separators=(",", ":")).encode(), path


def test_a_refusal_is_no_error_of_ours(stage, world, make):
    """The database says no on our behalf: the operator need not look at it."""
    server = stage.server().start()
    client, head = Client(server.port, world.ambassador.client.token), Client(
        server.port, make.client.token)
    body = world.body("meeting", "foreign")
    problem(client.post("/v1/meetings", body), 403, "record_forbidden")
    person = make.account()["person_id"]
    problem(head.patch(f"/v1/people/{person}", {"email": None}, "*"), 422, "validation_failed")
    server.wait_for_log(event="request", status=422)
    client.close()
    head.close()
    server.stop()
    assert not server.find_log(event="statement_failed")
    assert not server.find_log(level="error")


class TestAccept:
    @pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/*",
                                        "text/html, application/json;q=0.1", "APPLICATION/JSON",
                                        "text/html;q=1, */*;q=0.001", "application/json;v=1",
                                        "application/*;q=0, application/json;q=0.5",
                                        "*/*;q=0, application/json", " application/json ;q=1.000"])
    def test_what_suits(self, head, accept):
        assert head.get("/v1/schools?limit=1", headers={"Accept": accept}).status == 200

    @pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "application/xml",
                                        "*/*;q=0", "*/*, application/json;q=0.0",
                                        "application/*, application/json;q=0", "application",
                                        "application/problem+json", "text/*"])
    def test_what_does_not(self, head, accept):
        problem(head.get("/v1/me", headers={"Accept": accept}), 406, "not_acceptable")

    def test_is_joined_from_several_headers(self, head):
        headers = [("Accept", "text/html"), ("Accept", "application/json;q=0.2")]
        assert head.get("/v1/schools?limit=1", headers=headers).status == 200

    def test_yaml(self, anyone):
        assert anyone.get("/openapi.yaml", headers={"Accept": "application/yaml"}).status == 200
        problem(anyone.get("/openapi.yaml", headers={"Accept": "application/json"}), 406,
                "not_acceptable")

    def test_an_answer_without_a_body_suits_all(self, head, make):
        school = make.school()
        response = head.delete(f"/v1/schools/{school['id']}", "*", headers={"Accept": "text/html"})
        assert response.status == 204


class TestCompression:
    def test_there_and_back(self, head, make):
        cluster = make.cluster(notes="Again and again. " * 300)
        path = f"/v1/clusters/{cluster['id']}"
        plain = head.get(path)
        packed = head.get(path, headers={"Accept-Encoding": "gzip"})
        assert plain.header("Content-Encoding") is None
        assert packed.header("Content-Encoding") == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 5
        assert (plain.etag, packed.etag) == ('"1"', '"1.gz"')
        assert "Accept-Encoding" in packed.header("Vary") and plain.header("Vary")
        held = head.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.etag})
        assert held.status == 304
        assert head.patch(path, {"region": "South"}, packed.etag).status == 200

    @pytest.mark.parametrize("accept, packed", [
        ("gzip", True), ("GZIP", True), ("x-gzip", True), ("*", True), ("br, gzip;q=0.1", True),
        ("deflate, *;q=0.5", True), ("", False), ("identity", False), ("br", False),
        ("gzip;q=0", False), ("gzip;q=0.000, *", False), ("*;q=0", False), ("gzipped", False)])
    def test_only_where_accepted(self, anyone, accept, packed):
        response = anyone.get("/openapi.json", headers={"Accept-Encoding": accept})
        assert (response.header("Content-Encoding") == "gzip") == packed
        assert response.json["openapi"] == "3.1.0"

    def test_not_when_small(self, anyone):
        response = anyone.get("/healthz", headers={"Accept-Encoding": "gzip"})
        assert response.header("Content-Encoding") is None

    def test_head_tells_the_same(self, anyone):
        headers = {"Accept-Encoding": "gzip"}
        full = anyone.get("/openapi.json", headers=headers)
        short = anyone.request("HEAD", "/openapi.json", headers=headers)
        for name in ("Content-Length", "Content-Encoding", "ETag", "Vary"):
            assert short.header(name) == full.header(name)


class TestCors:
    def test_a_page_that_may_call(self, head):
        response = head.get("/v1/schools?limit=1", headers={"Origin": ORIGIN})
        assert response.header("Access-Control-Allow-Origin") == ORIGIN
        assert "Origin" in response.header("Vary")
        exposed = response.header("Access-Control-Expose-Headers").split(", ")
        assert {"ETag", "Link", "Location", "X-Request-Id", "Retry-After", "RateLimit",
                "RateLimit-Policy"} <= {*exposed}
        assert response.header("Access-Control-Allow-Credentials") is None

    def test_may_read_errors_too(self, anyone):
        response = anyone.get("/v1/schools", headers={"Origin": "https://other.example"})
        assert response.status == 401
        assert response.header("Access-Control-Allow-Origin") == "https://other.example"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example:8443",
                                        "http://app.example", "https://app.example.evil.example",
                                        "https://app.exampl", "", "*", "HTTPS://APP.EXAMPLE"])
    def test_a_page_that_may_not(self, head, origin):
        for method in ("GET", "OPTIONS"):
            response = head.request(method, "/v1/schools", headers={
                "Origin": origin, "Access-Control-Request-Method": "POST"})
            assert response.status in (200, 204)
            assert not [h for h in response.headers if h[0].startswith("Access-Control-")]
            assert "Origin" in response.header("Vary")

    def test_preflight(self, anyone):
        response = anyone.request("OPTIONS", f"/v1/schools/{UNKNOWN}", headers={
            "Origin": ORIGIN, "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, content-type, if-match"})
        assert response.status == 204
        assert response.header("Access-Control-Allow-Origin") == ORIGIN
        methods = methods_of(response.header("Access-Control-Allow-Methods"))
        assert {"GET", "PUT", "PATCH", "DELETE"} <= methods
        headers = response.header("Access-Control-Allow-Headers").lower().split(", ")
        assert {"authorization", "content-type", "if-match", "if-none-match"} <= {*headers}
        assert int(response.header("Access-Control-Max-Age")) > 0


class TestMediaTypes:
    @pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonp", "json",
                                      "application/merge-patch+json", "", "application/json2",
                                      "application/json; charset=utf-16", "multipart/form-data",
                                      "application/x-www-form-urlencoded"])
    def test_refused_for_a_document(self, head, kind):
        response = head.post("/v1/schools", body=b"{}", headers={"Content-Type": kind})
        found = problem(response, 415, "unsupported_media_type")
        assert "application/json" in found["detail"]

    @pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON",
                                      "application/json;charset=utf-8",
                                      'application/json ; Charset="UTF-8"'])
    def test_taken(self, head, kind):
        invalid(head.post("/v1/schools", body=b"{}", headers={"Content-Type": kind}),
                "/name", "/status")

    def test_missing(self, head):
        problem(head.post("/v1/schools", body=b"{}"), 415, "unsupported_media_type")

    def test_a_patch_wants_its_own(self, head, make):
        path = f"/v1/schools/{make.school()['id']}"
        for kind in ("application/json", "application/json-patch+json", "text/csv"):
            problem(head.request("PATCH", path, body=b"{}", headers={
                "If-Match": "*", "Content-Type": kind}), 415, "unsupported_media_type")

    @pytest.mark.parametrize("coding", ["gzip", "identity", "br"])
    def test_a_coded_body(self, head, coding):
        problem(head.post("/v1/schools", {}, headers={"Content-Encoding": coding}), 415,
                "unsupported_media_type")


class TestBodies:
    @pytest.mark.parametrize("body", [
        b"{", b"}", b"{]", b"{'name': 1}", b'{"name": }', b'{"name" "x"}', b"{,}", b"nul", b"NaN",
        b'{"a": 1,}', b'{"a": 01}', b'{"a": .5}', b'{"a": +1}', b'{"a": 0x1}', b'{"a": Infinity}',
        b'{"a": "\\x"}', b'{"a": "\n"}', b'{"a": "\xff"}', b'{"a": "\xc0\x80"}', b'{"a": 1} x',
        b'{"a": "\xed\xa0\x80"}', b"{} {}", b"\xef\xbb\xbf{}", b"// hi\n{}", b" ", b'"', b'{"a": "',
        '{"a": 1}'.encode("utf-16"), b'{"a": "\\ud800"}', b'{"a": "\\udc00\\ud800"}', NUL_ESCAPED,
        b'{"\\u0000": 1}', b'{"a": 1, "a": 2}', b'{"b": {"a": 1, "a": 1}}', b'{"a": 1e999}',
        b'{"a": 9223372036854775808}', b'{"a": -9223372036854775809}', b"\x00", b'{"a": "\x00"}'])
    def test_that_are_not_json(self, head, body):
        response = head.post("/v1/schools", body=body,
                             headers={"Content-Type": "application/json"})
        problem(response, 400, "malformed_body")

    @pytest.mark.parametrize("body", [NUL_ESCAPED, b'{\n "\\u0000": 1}'])
    def test_with_the_character_that_is_not_stored(self, head, body):
        """It is JSON all the same."""
        found = problem(head.post("/v1/schools", body=body,
                                  headers={"Content-Type": "application/json"}), 400, "malformed_body")
        assert found["detail"].startswith(
            "A string in the body has the character U+0000, which cannot be stored, at line ")

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true", b"1.5", b"-0"])
    def test_that_are_no_object(self, head, body):
        response = head.post("/v1/schools", body=body,
                             headers={"Content-Type": "application/json"})
        invalid(response, "")

    def test_of_no_length(self, head):
        headers = {"Content-Type": "application/json"}
        problem(head.post("/v1/schools", body=b"", headers=headers), 400, "malformed_body")
        problem(head.post("/v1/schools", headers=headers), 400, "malformed_body")
        problem(head.post("/v1/schools", body=b"", headers=headers, chunked=True), 400,
                "malformed_body")

    def test_in_chunks(self, head, make):
        body = json.dumps(make.example("school")).encode()
        response = head.post("/v1/schools", body=body, chunked=True,
                             headers={"Content-Type": "application/json"})
        assert response.status == 201

    @pytest.mark.parametrize("depth, status", [(31, 422), (32, 422), (33, 400), (5000, 400),
                                               (400000, 400)])
    def test_nested(self, head, depth, status):
        body = b'{"x":' * (depth - 1) + b"{}" + b"}" * (depth - 1)
        response = head.post("/v1/schools", body=body,
                             headers={"Content-Type": "application/json"})
        assert response.status == status or (depth == 400000 and response.status == 413), response

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("size", [1 << 20, 3 << 20])
    def test_too_large(self, head, chunked, size):
        body = b'{"name": "' + b"a" * size + b'"}'
        response = head.post("/v1/schools", body=body, chunked=chunked,
                             headers={"Content-Type": "application/json"})
        problem(response, 413, "content_too_large")

    def test_as_large_as_may_be(self, head):
        body = b'{"name": "' + b"a" * ((1 << 20) - 12) + b'"}'
        assert len(body) == 1 << 20
        invalid(head.post("/v1/schools", body=body, headers={"Content-Type": "application/json"}),
                "/name", "/status")

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("body", [
        b"x", b"null", b"[]", b'{"a": 1}', b"{", b"{}{}", b" ", b"{" + b" " * 63 + b"}",
        pytest.param(b"{" + b" " * 60000 + b"}", id="rather long"), pytest.param(b"{" + b" " * 300000 + b"}", id="long")])
    def test_where_none_belongs(self, head, make, body, chunked):
        path = f"/v1/schools/{make.school()['id']}"
        for method in ("GET", "DELETE"):
            found = problem(head.request(method, path, body=body, chunked=chunked,
                                         headers={"If-Match": "*"}), 400, "malformed_body")
            assert found["detail"] == "This operation takes no body: send none, or an empty object."
        assert head.get(path).status == 200

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("body", [b"", b"{}", b" \r\n\t{ \n} ", b"{" + b" " * 62 + b"}"])
    @pytest.mark.parametrize("kind", [{}, {"Content-Type": "application/json"}])
    def test_an_empty_object_is_none(self, head, make, body, chunked, kind):
        path = f"/v1/schools/{make.school()['id']}"
        sent = {"body": body, "chunked": chunked, "headers": {**kind, "If-Match": "*"}}
        assert head.get(path, **sent).status == 200
        rotated = f"/v1/webhook-endpoints/{make.webhook_endpoint()['id']}/secret"
        assert head.post(rotated, **sent).status == 200
        assert head.delete(path, **sent).status == 204
        assert head.get(path).status == 404

    def test_unknown_expectation(self, head):
        problem(head.get("/v1/schools", headers={"Expect": "magic"}), 417, "expectation_failed")

    def test_expectation_met(self, head, make):
        response = head.post("/v1/schools", make.example("school"),
                             headers={"Expect": "100-Continue"})
        assert response.status == 201


class TestViolations:
    def test_pointers_are_escaped(self, head, make):
        body = {**make.example("school"), "a~b/c": 1, "~1": 1, "": 1, "é\"": 1}
        invalid(head.post("/v1/schools", body), "/a~0b~1c", "/~01", "/", "/é\"")

    def test_all_at_once_and_deep_within(self, head, make):
        body = {**make.example("meeting"), "kind": "tea", "held_on": "2025-02-29", "location": "",
                "topics": ["x", "", 3], "start_time": "24:00",
                "papers": [{"title": "t", "url": "https://a.example"}, {"url": "ftp://a", "x": 1}]}
        del body["cluster_id"]
        invalid(head.post("/v1/meetings", body), "/kind", "/held_on", "/location", "/topics/1",
                "/topics/2", "/start_time", "/papers/1/url", "/papers/1/title", "/papers/1/x")

    def test_a_slip_of_the_pen_gets_a_hint(self, head, make):
        body = {**make.example("school"), "post_code": "SW1A 1AA"}
        assert "postcode" in invalid(head.post("/v1/schools", body), "/post_code")["/post_code"]

    def test_the_list_has_a_bound(self, head, make):
        body = {**make.example("school"), **{f"x{i}": i for i in range(500)}}
        found = problem(head.post("/v1/schools", body), 422, "validation_failed")
        assert (len(found["errors"]), found["error_count"]) == (100, 500)

    def test_long_names_stay_within_bounds(self, head, make):
        body = {**make.example("school"), "x" * 5000: 1, "/" * 800: 1}
        found = problem(head.post("/v1/schools", body), 422, "validation_failed")
        assert found["error_count"] == 2
        assert all(len(e["pointer"]) <= 1000 for e in found["errors"])

    def test_numbers(self, head, make):
        for bad in (-1, 100, 1.5, 4.0, 1e2, "4", True, [4], 9223372036854775807):
            invalid(head.post("/v1/schools", {**make.example("school"), "low_age": bad,
                                              "high_age": None}), "/low_age")

    @pytest.mark.parametrize("text", ["2025-13-01", "2025-02-29", "0000-01-01", "25-01-01",
                                      "2025-1-1", "2025-01-01T00:00:00Z", " 2025-01-01",
                                      "2025-01-01 ", "２０２５-01-01", "1900-02-29", "", 20250101])
    def test_dates(self, head, make, text):
        invalid(head.post("/v1/schools", {**make.example("school"), "open_date": text}),
                "/open_date")

    def test_lengths_count_characters(self, head, make):
        assert head.post("/v1/schools", make.example("school", name="😀" * 200)).status == 201
        invalid(head.post("/v1/schools", make.example("school", name="😀" * 201)), "/name")

    def test_text_comes_back_as_it_went(self, head, make):
        name = 'Ysgol "Dewi" \\ / \u2028 \u007f é 😀 <script> {0} %s \t'
        made = make.school(name=name)
        assert head.get(f"/v1/schools/{made['id']}").json["name"] == name


class TestRequestIds:
    @pytest.mark.parametrize("given", ["a", "A-b_c.9", "0" * 64])
    def test_a_good_one_is_kept(self, anyone, server, given):
        given = given if len(given) == 64 else given + uuid.uuid4().hex[:8]
        response = anyone.get("/healthz", headers={"X-Request-Id": given})
        assert response.header("X-Request-Id") == given
        server.wait_for_log(event="request", request_id=given, operation="get_healthz", status=200)

    @pytest.mark.parametrize("given", ["", "a b", "a\tb", "0" * 65, "é", "a\"b", "a;b", "<a>"])
    def test_a_bad_one_is_replaced(self, anyone, given):
        response = anyone.get("/healthz", headers={"X-Request-Id": given})
        assert response.status == 200
        assert uuid.UUID(response.header("X-Request-Id")).version == 7

    def test_each_answer_has_its_own(self, anyone):
        ids = {anyone.get("/healthz").header("X-Request-Id") for _ in range(20)}
        assert len(ids) == 20

    def test_a_good_traceparent_is_logged(self, anyone, server):
        trace = f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
        response = anyone.get("/healthz", headers={"traceparent": trace})
        assert response.status == 200
        server.wait_for_log(traceparent=trace,
                            request_id=response.header("X-Request-Id"))

    @pytest.mark.parametrize("trace", ["x" * 55, "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
                                       "00-" + "A" * 32 + "-00f067aa0ba902b7-01", "00-1-2-01",
                                       "ff-" + "1" * 32 + "-00f067aa0ba902b7-01",
                                       "00-" + "1" * 32 + "-" + "0" * 16 + "-01"])
    def test_a_bad_traceparent_is_not(self, anyone, server, trace):
        response = anyone.get("/healthz", headers={"traceparent": trace})
        line = server.wait_for_log(request_id=response.header("X-Request-Id"))[0]
        assert "traceparent" not in line


@pytest.mark.parametrize("name, value", [
    ("Authorization", "Bearer x"), ("Content-Type", "application/json"), ("Origin", ORIGIN),
    ("X-Request-Id", "a"), ("traceparent", "x"), ("Expect", "100-continue")])
def test_a_header_that_may_stand_only_once(anyone, name, value):
    response = anyone.get("/healthz", headers=[(name, value), (name, value)])
    assert response.status == 400, response


def test_every_answer_is_guarded(anyone, head):
    for response in (anyone.get("/healthz"), head.get("/v1/people"), anyone.get("/nowhere")):
        assert response.header("X-Content-Type-Options") == "nosniff"
        assert response.header("Cache-Control") == "no-store"
