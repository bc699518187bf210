"""What tests say of answers, in one place."""

import re


def problem(response, status, name):
    """The decoded problem, after holding it to its form."""
    assert response.status == status, response
    assert response.media_type == "application/problem+json", response
    found = response.json
    assert found["type"] == f"/problems/{name}", found
    assert found["status"] == status
    assert found["instance"] == response.header("X-Request-Id")
    return found


def oauth_error(response, status, code):
    """The description, after holding the error to RFC 6749, 5.2."""
    assert response.status == status, response
    assert response.media_type == "application/json", response
    assert response.header("Cache-Control") == "no-store"
    found = response.json
    assert found["error"] == code, found
    assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", found["error_description"]), found
    return found["error_description"]


def invalid(response, *pointers):
    """A 422 that names exactly these places; returns their sentences by pointer."""
    found = problem(response, 422, "validation_failed")
    errors = {error["pointer"]: error["detail"] for error in found["errors"]}
    assert sorted(errors) == sorted(pointers), found
    assert found["error_count"] == len(found["errors"])
    return errors


def page_of(response, status):
    """The text of a page for people, after holding it to what every such page has."""
    assert response.status == status, response
    assert response.header("Content-Type") == "text/html; charset=utf-8"
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Frame-Options") == "DENY"
    policy = response.header("Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "<script" not in response.text and '<html lang="en-GB">' in response.text
    return response.text


def bad_parameter(response, *names):
    """A 400 that names exactly these parameters."""
    found = problem(response, 400, "invalid_parameters")
    assert sorted(error["parameter"] for error in found["errors"]) == sorted(names), found
    return found
