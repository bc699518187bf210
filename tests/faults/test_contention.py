"""Many clients at one record: one winner a version, one creator an id, and no lost update."""
import threading
import uuid

CLIENTS = 32


def all_at_once(count, work):
    """What each of `count` threads got, started together."""
    barrier, results = threading.Barrier(count), [None] * count

    def run(i):
        barrier.wait(30)
        results[i] = work(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def statuses(answers):
    return sorted(answer.status for answer in answers)


def test_one_winner_a_version(calm_server):
    record = calm_server.create(notes="0")
    target = f"/v1/clusters/{record['id']}"
    for version in range(1, 6):
        got = all_at_once(CLIENTS, lambda i: calm_server.ask(
            "PATCH", target, {"notes": f"{version}-{i}"}, {"If-Match": f'"{version}"'}))
        assert statuses(got) == [200] + [412] * (CLIENTS - 1)
        winner = next(answer for answer in got if answer.status == 200)
        now = calm_server.ask("GET", target)
        assert now.json == winner.json and now.get("ETag") == f'"{version + 1}"'


def test_no_update_is_lost(calm_server):
    """Each client adds its mark to what it read until it wins: all marks must be there."""
    record = calm_server.create(notes="")
    target = f"/v1/clusters/{record['id']}"

    def add_mark(i):
        with calm_server.wire() as wire:
            for tries in range(1, 2000):
                now = calm_server.ask("GET", target, wire=wire)
                notes = f"{now.json['notes']}<{i}>"
                answer = calm_server.ask("PATCH", target, {"notes": notes},
                                         {"If-Match": now.get("ETag")}, wire=wire)
                if answer.status == 200:
                    return tries
                assert answer.status == 412, answer
        raise AssertionError("never won")
    tries = all_at_once(CLIENTS, add_mark)
    assert None not in tries
    end = calm_server.ask("GET", target).json
    assert sorted(end["notes"]) == sorted("".join(f"<{i}>" for i in range(CLIENTS)))
    assert end["version"] == CLIENTS + 1


def test_one_creator_of_an_id(calm_server):
    target = f"/v1/clusters/{uuid.uuid4()}"
    got = all_at_once(CLIENTS, lambda i: calm_server.ask(
        "PUT", target, {"name": f"Mine {uuid.uuid4()}"}, {"If-None-Match": "*"}))
    assert statuses(got) == [201] + [412] * (CLIENTS - 1)
    winner = next(answer for answer in got if answer.status == 201)
    assert calm_server.ask("GET", target).json == winner.json


def test_one_school_of_a_urn(calm_server):
    urn = str(100000 + uuid.uuid4().int % 50000)
    got = all_at_once(CLIENTS, lambda i: calm_server.ask(
        "POST", "/v1/schools", {"name": f"School {i}", "status": "open", "urn": urn}))
    assert statuses(got) == [201] + [409] * (CLIENTS - 1)
    refused = next(answer for answer in got if answer.status == 409)
    assert refused.json["errors"][0]["pointer"] == "/urn"


def test_deleting_and_changing(calm_server):
    """Whoever comes first with the version wins; the others learn that it is gone or changed."""
    for _ in range(10):
        record = calm_server.create()
        target = f"/v1/clusters/{record['id']}"
        got = all_at_once(8, lambda i: calm_server.ask(
            "DELETE" if i % 2 else "PATCH", target, None if i % 2 else {"notes": str(i)},
            {"If-Match": '"1"'}))
        assert len([a for a in got if a.status in (200, 204)]) == 1, statuses(got)
        deleted = any(answer.status == 204 for answer in got)
        others = {answer.status for answer in got} - {200, 204}
        assert others <= ({404} if deleted else {412}), statuses(got)
        assert calm_server.ask("GET", target).status == (404 if deleted else 200)


def test_deleting_what_others_come_to_refer_to(calm_server):
    """A school joins a cluster while the cluster goes: never a school of a cluster that is not."""
    for _ in range(5):
        record = calm_server.create()
        got = all_at_once(8, lambda i: calm_server.ask(
            "DELETE", f"/v1/clusters/{record['id']}", None, {"If-Match": '"1"'}) if i == 0
            else calm_server.ask("POST", "/v1/schools", {
                "name": "Member", "status": "open", "cluster_id": record["id"]}))
        joined = [answer for answer in got[1:] if answer.status == 201]
        if got[0].status == 204:
            assert not joined and {answer.status for answer in got[1:]} == {422}, statuses(got)
        else:
            assert got[0].status == 409 and joined, statuses(got)
