"""What tests say of answers, in one place."""


def problem(response, status, name):
    """The decoded problem, after holding it to its form."""
    assert response.status == status, response
    assert response.media_type == "application/problem+json", response
    found = response.json
    assert found["type"] == f"/problems/{name}", found
    assert found["status"] == status
    assert found["instance"] == response.header("X-Request-Id")
    return found


def invalid(response, *pointers):
    """A 422 that names exactly these places; returns their sentences by pointer."""
    found = problem(response, 422, "validation_failed")
    errors = {error["pointer"]: error["detail"] for error in found["errors"]}
    assert sorted(errors) == sorted(pointers), found
    assert found["error_count"] == len(found["errors"])
    return errors


def bad_parameter(response, *names):
    """A 400 that names exactly these parameters."""
    found = problem(response, 400, "invalid_parameters")
    assert sorted(error["parameter"] for error in found["errors"]) == sorted(names), found
    return found
