"""Changes as a program that works offline makes and sends them."""

import uuid

from support.places import wait_for


class Written:
    """A caller that is a client alone."""

    def __init__(self, client):
        self.client = client


def change(method, kind, record=None, base_version=None, document=None, **members):
    made = {"client_id": str(uuid.uuid4()), "method": method, "type": kind,
            "id": record or str(uuid.uuid4()), **members}
    if base_version is not None:
        made["base_version"] = base_version
    if document is not None:
        made["document"] = document
    return made


def push(caller, *changes):
    answer = caller.client.post("/v1/sync", {"changes": list(changes)})
    assert answer.status == 200, answer
    results = answer.json["results"]
    assert [one["client_id"] for one in results] == [one["client_id"] for one in changes]
    return results


def is_put_off(result):
    """By something that passes: it is to be sent again."""
    found = result.get("problem", {})
    return found.get("status") in (401, 429, 503) or found.get("type") == "/problems/idempotency_key_in_use"


def until_decided(caller, *changes):
    def decided():
        results = push(caller, *changes)
        return not any(map(is_put_off, results)) and results

    return wait_for(decided, "nobody to be at work on one of them")


def anew(made):
    """The same once more, for another try."""
    return {**made, "client_id": str(uuid.uuid4())}


def refused(result, status, name, *pointers):
    """The problem, after holding it to what the operation itself would have said."""
    assert result["outcome"] == "refused" and "document" not in result, result
    found = result["problem"]
    assert (found["status"], found["type"]) == (status, f"/problems/{name}"), found
    assert sorted(error["pointer"] for error in found.get("errors", [])) == sorted(pointers)
    return found


def meeting_of(make, cluster, **members):
    return make.example("meeting", cluster_id=cluster["id"], host_school_id=None, **members)
