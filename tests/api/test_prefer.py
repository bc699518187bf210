"""Prefer: return=minimal (RFC 7240) with changes."""

import uuid

import pytest

from support import steps
from support.expect import bad_parameter, problem
from support.repeats import HEADER, new_key

COLLECTION = "/v1/clusters"


class TestPrefer:
    @pytest.mark.parametrize("prefer", [
        "return=minimal", "RETURN=Minimal", 'return="minimal"', "respond-async, return=minimal",
        "wait=10; x=y, return = minimal ;foo", 'x="a, return=representation", return=minimal',
        "return=minimal, return=representation"])
    def test_minimal_leaves_the_body_away(self, head, make, prefer):
        made = head.post(COLLECTION, make.example("cluster"), headers={"Prefer": prefer})
        assert (made.status, made.body, made.etag) == (201, b"", '"1"')
        assert made.header("Preference-Applied") == "return=minimal"
        assert made.header("Content-Type") is None
        assert head.get(made.header("Location")).etag == '"1"'

    @pytest.mark.parametrize("prefer", [
        "return=representation", "return=representation, return=minimal", "respond-async", "return",
        "minimal", 'x="return=minimal"', 'x="return=minimal', "return=", ",;=", "x;return=minimal",
        'return="mini\\mal"'])
    def test_anything_else_leaves_it(self, head, make, prefer):
        made = head.post(COLLECTION, make.example("cluster"), headers={"Prefer": prefer})
        assert made.status == 201 and made.json["id"] in made.header("Location")
        assert made.header("Preference-Applied") is None

    def test_is_bounded(self, head, make):
        bad_parameter(head.post(COLLECTION, make.example("cluster"),
                                headers={"Prefer": "x" * 501}), "Prefer")

    def test_of_every_change(self, head, make):
        minimal = {"Prefer": "return=minimal"}
        made = make.cluster()
        path = f"{COLLECTION}/{made['id']}"
        for response, version in (
                (head.patch(path, {"notes": "New."}, '"1"', headers=minimal), 2),
                (head.put(path, make.example("cluster"), headers={**minimal, "If-Match": '"2"'}), 3)):
            assert (response.status, response.body) == (200, b"")
            assert response.etag == f'"{version}"'
            assert response.header("Preference-Applied") == "return=minimal"
        fresh = head.put(f"{COLLECTION}/{uuid.uuid4()}", make.example("cluster"),
                         headers={**minimal, "If-None-Match": "*"})
        assert (fresh.status, fresh.body, fresh.etag) == (201, b"", '"1"')
        award = make.award()
        step = head.post(steps.path_of("assess_award", award), {},
                         headers={**minimal, "If-Match": "*"})
        assert (step.status, step.body, step.etag) == (200, b"", '"2"')

    def test_does_not_hide_a_problem(self, head):
        problem(head.post(COLLECTION, {}, headers={"Prefer": "return=minimal"}), 422,
                "validation_failed")

    def test_says_nothing_of_reads(self, head, make):
        response = head.get(f"{COLLECTION}/{make.cluster()['id']}",
                            headers={"Prefer": "return=minimal"})
        assert response.json and response.header("Preference-Applied") is None

    def test_is_the_repeats_own(self, head, make):
        """Which form an answer has is asked anew each time."""
        key, body = new_key(), make.example("cluster")
        first = head.post(COLLECTION, body, headers={HEADER: key, "Prefer": "return=minimal"})
        again = head.post(COLLECTION, body, headers={HEADER: key})
        assert first.body == b"" and again.json["name"] == body["name"]
        assert again.header("Idempotency-Replayed") == "true"
        minimal = head.post(COLLECTION, body, headers={HEADER: key, "Prefer": "return=minimal"})
        assert (minimal.status, minimal.body) == (201, b"")
        assert minimal.header("Idempotency-Replayed") == "true"

    @pytest.mark.parametrize("target", [COLLECTION, "/healthz"])
    def test_what_is_no_operation_takes_none(self, anyone, target):
        """OPTIONS is answered by the server itself, for every path."""
        preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
        for headers in ({}, preflight):
            answer = anyone.request("OPTIONS", target, headers={"Prefer": "return=minimal", **headers})
            assert (answer.status, answer.body) == (204, b"")
            assert answer.header("Preference-Applied") is None
