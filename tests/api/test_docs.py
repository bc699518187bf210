"""What people read about the API: the kinds of errors, the guides, and the page of the reference."""

import gzip
import html
import re

import pytest

from support.contract import DOCUMENT
from support.expect import problem

TYPES = DOCUMENT["x-problem-types"]
GUIDES = ("authentication", "paging", "errors", "concurrency", "sync", "webhooks", "privacy", "changes")
A_YEAR = "public, max-age=31536000, immutable"


def page(response, status=200):
    assert (response.status, response.header("Content-Type")) == (
        status, "text/html; charset=utf-8"), response
    return response.body.decode()


def text(response):
    return html.unescape(re.sub(r"<[^>]*>", " ", page(response)))


def links(body):
    return {html.unescape(found) for found in re.findall(r'(?:href|src)="([^"]+)"', body)}


def assets(anyone):
    return {path.rpartition("/")[2]: path for path in links(page(anyone.get("/docs")))
            if path.startswith("/docs/assets/")}


class TestProblemTypes:
    @pytest.mark.parametrize("name", TYPES)
    def test_each_says_its_cause_and_its_remedy(self, anyone, name):
        declared, said = TYPES[name], text(anyone.get(f"/problems/{name}"))
        for member in ("title", "detail", "cause", "remedy"):
            assert len(declared[member]) > 8 and declared[member] in said
        assert f"/problems/{name}" in said and f" {declared['status']} " in said

    def test_each_is_described_once(self):
        for member in ("title", "detail", "cause", "remedy"):
            words = [node[member] for node in TYPES.values()]
            assert len(set(words)) == len(words)

    def test_list_leads_to_each(self, anyone):
        assert {f"/problems/{name}" for name in TYPES} <= links(page(anyone.get("/problems")))

    def test_type_of_a_problem_leads_there(self, anyone):
        refused = problem(anyone.get("/v1/schools"), 401, "unauthorized")
        assert TYPES["unauthorized"]["remedy"] in text(anyone.get(refused["type"]))

    @pytest.mark.parametrize("name", ["no_such_type", "Conflict", "%3Cscript%3E"])
    def test_unknown(self, anyone, name):
        assert "<script" not in page(anyone.get(f"/problems/{name}"), 404)


class TestGuides:
    @pytest.mark.parametrize("name", GUIDES)
    def test_every_link_leads_somewhere(self, anyone, name):
        found = links(page(anyone.get(f"/docs/guides/{name}")))
        assert "/docs" in found
        assert {path: anyone.get(path).status for path in found} == dict.fromkeys(found, 200)

    def test_paths_and_types_named_exist(self, anyone):
        """A guide speaks of nothing that is not there."""
        for name in GUIDES:
            said = text(anyone.get(f"/docs/guides/{name}"))
            for path in re.findall(r"(?<![\w.$])/(?:v1|oauth)/[a-z-]+", said):
                assert path in DOCUMENT["paths"], (name, path)
            for kind in re.findall(r"/problems/([a-z_]+)", said):
                assert kind in TYPES

    @pytest.mark.parametrize("path", ["/docs", "/docs/guides"])
    def test_are_listed(self, anyone, path):
        found = links(page(anyone.get(path)))
        assert {one for one in found if one.startswith("/docs/guides/")} == {
            f"/docs/guides/{name}" for name in GUIDES}
        assert {one: anyone.get(one).status for one in found} == dict.fromkeys(found, 200)

    def test_unknown(self, anyone):
        page(anyone.get("/docs/guides/no-such-guide"), 404)


class TestRoot:
    @pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
    def test_leads_to_the_reference(self, anyone, accept):
        response = anyone.get("/", headers={"Accept": accept})
        assert (response.status, response.header("Location"), response.body) == (303, "/docs", b"")

    def test_knows_no_parameters(self, anyone):
        page(anyone.get("/?x=y"), 400)


class TestReference:
    @pytest.mark.parametrize("path", ["/docs", "/docs/signed-in?code=x&state=y"])
    def test_runs_files_of_this_server_only(self, anyone, path):
        response = anyone.get(path)
        body, policy = page(response), response.header("Content-Security-Policy")
        assert "script-src 'self';" in policy and "unsafe" not in policy and "*" not in policy
        assert re.findall(r"<script(?! defer src=\"/docs/assets/[^\"]+\"></script>)", body) == []
        assert all(found.startswith("/") and not found.startswith("//") for found in links(body))

    def test_other_pages_run_nothing(self, anyone):
        assert "script-src" not in anyone.get("/problems").header("Content-Security-Policy")

    def test_assets_may_be_kept_for_ever(self, anyone):
        found = assets(anyone)
        assert set(found) == {"reference.js", "reference.css", "swagger-ui.css", "swagger-ui-bundle.js"}
        for name, path in found.items():
            response = anyone.get(path)
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            assert (response.status, response.header("Content-Type")) == (200, kind)
            assert response.header("Cache-Control") == A_YEAR
            held = anyone.get(path, headers={"If-None-Match": response.etag})
            assert (held.status, held.body, held.etag) == (304, b"", response.etag)

    def test_assets_come_compressed(self, anyone):
        path = assets(anyone)["swagger-ui-bundle.js"]
        plain = anyone.get(path, headers={"Accept-Encoding": "identity"})
        packed = anyone.get(path, headers={"Accept-Encoding": "gzip"})
        assert plain.header("Content-Encoding") is None
        assert packed.header("Content-Encoding") == "gzip"
        assert packed.etag == plain.etag[:-1] + '.gz"'
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 3

    def test_assets_unknown(self, anyone):
        path = assets(anyone)["reference.js"]
        problem(anyone.get(path + "x"), 404, "not_found")
        problem(anyone.get("/docs/assets/0000000000000000/reference.js"), 404, "not_found")
