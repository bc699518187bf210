"""Changes as a program that works offline makes and sends them."""

import uuid


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
