"""Changes that were made offline: each is done once, as it would have been online, or not at all."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from support.at_once import at_once
from support.client import Client
from support.expect import bad_parameter, invalid, problem
from support.holding import holding
from support.phone import Phone
from support.pushes import Written, anew, change, is_put_off, meeting_of, push, refused, until_decided
from support.resources import RESOURCES
from support.serving import serving


@pytest.fixture
def cluster(make):
    return make.cluster()


@pytest.fixture
def leader(world, cluster):
    return world.people.leader(cluster)


@pytest.fixture
def school(make, cluster):
    return make.school(cluster_id=cluster["id"])


def test_a_day_in_a_school_hall(head, make, cluster, leader, school):
    """A meeting that was held, who came, and what was noted afterwards: in this order."""
    meeting, attendance = str(uuid.uuid4()), str(uuid.uuid4())
    results = push(
        leader, change("create", "meeting", meeting, document=meeting_of(make, cluster)),
        change("create", "attendance", attendance, document={
            "meeting_id": meeting, "school_id": school["id"], "status": "present"}),
        change("update", "meeting", meeting, 1, {"notes": "All were there."}),
        change("update", "attendance", attendance, 1, {"status": "apologies"}),
        change("delete", "attendance", attendance, 2))
    assert [one["outcome"] for one in results] == ["applied"] * 5
    assert [one.get("document", {}).get("version") for one in results] == [1, 1, 2, 2, None]
    assert head.get(f"/v1/meetings/{meeting}").json == results[2]["document"]
    problem(head.get(f"/v1/attendances/{attendance}"), 404, "not_found")


def test_what_is_sent_again_changes_nothing(head, make, cluster, leader):
    meeting = str(uuid.uuid4())
    batch = [change("create", "meeting", meeting, document=meeting_of(make, cluster)),
             change("update", "meeting", meeting, 1, {"notes": "First."}),
             change("update", "meeting", meeting, 2, {"notes": "First."}),
             change("update", "meeting", meeting, 2, {"notes": "Second."}),
             change("delete", "meeting", meeting, 3)]
    first = push(leader, *batch[:4])
    history = head.get(f"/v1/meetings/{meeting}/history").json
    assert [one["outcome"] for one in first] == ["applied"] * 4
    assert push(leader, *batch[:4]) == first
    assert head.get(f"/v1/meetings/{meeting}/history").json == history
    whole = push(leader, *batch)
    assert whole[:4] == first and whole[4]["outcome"] == "applied"
    assert push(leader, *batch) == whole


def test_the_audit_log_names_the_operation(head, make, cluster, leader):
    meeting = push(leader, change("create", "meeting", document=meeting_of(make, cluster)))
    found = head.get(
        f"/v1/audit-records?resource_id={meeting[0]['document']['id']}").json["items"]
    assert [(one["operation"], one["actor"]) for one in found] == [
        ("create_meeting", leader.account["id"])]


def test_the_same_client_id_for_something_else(make, cluster, leader):
    one = change("create", "meeting", document=meeting_of(make, cluster))
    assert push(leader, one)[0]["outcome"] == "applied"
    other = {**one, "document": meeting_of(make, cluster, notes="Another.")}
    refused(push(leader, other)[0], 422, "idempotency_key_reused")


def test_client_ids_are_of_one_person(make, world, cluster, leader):
    one = change("create", "meeting", document=meeting_of(make, cluster))
    assert push(leader, one)[0]["outcome"] == "applied"
    other = world.people.leader(make.cluster())
    refused(push(other, one)[0], 403, "record_forbidden", "/cluster_id")


def test_what_others_changed_meanwhile_is_a_conflict(head, make, cluster, leader):
    base = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    path = f"/v1/meetings/{base['id']}"
    now = head.patch(path, {"notes": "By head office."}, match='"1"').json
    for made in (change("update", "meeting", base["id"], 1, {"notes": "By me."}),
                 change("delete", "meeting", base["id"], 1)):
        result = push(leader, made)[0]
        assert result["outcome"] == "conflict"
        assert (result["current"], result["base"]) == (now, base)
        assert result["problem"]["type"] == "/problems/precondition_failed"
    assert head.get(path).json == now


def test_a_conflict_about_a_person_is_opened(head, make, leader, school, world):
    caller = world.people.coordinator(school)
    base = make.person(school_id=school["id"])
    now = head.patch(f"/v1/people/{base['id']}", {"job_title": "Head"}, match='"1"').json
    result = push(caller, change("update", "person", base["id"], 1, {"job_title": "Deputy"}))[0]
    assert (result["outcome"], result["current"], result["base"]) == ("conflict", now, base)


def test_a_base_that_was_never_theirs_is_not_told(head, make, world, school):
    """A school does not see a review while it is being written."""
    caller = world.people.coordinator(school)
    review = make.review(award_id=make.award(school_id=school["id"])["id"])
    path = f"/v1/reviews/{review['id']}"
    head.patch(path, {"scheduled_on": "2025-06-11"}, match='"1"')
    result = push(caller, change("update", "review", review["id"], 1, {"notes": "Mine."}))[0]
    refused(result, 403, "forbidden")


def test_a_token_that_may_not_read_is_shown_no_versions(stage, head, make, world, school):
    caller = world.people.coordinator(school)
    person = make.person(school_id=school["id"])
    now = head.patch(f"/v1/people/{person['id']}", {"job_title": "Head"}, match='"1"').json
    made = change("update", "person", person["id"], 1, {"job_title": "Deputy"})
    again = change("create", "person", person["id"], document={"name": "Somebody"})

    def with_scopes(scopes):
        stage.cluster.psql(f"UPDATE token SET scopes = '{{{scopes}}}' WHERE account_id = "
                           f"'{caller.account['id']}'", user="iqm_owner")
    with_scopes("sync:write,people:write")
    for one in (made, again):
        refused(push(caller, one)[0], 412, "precondition_failed")
    for scopes in ("sync:write,people:write,people:read", "sync:write,people:write,sync:read"):
        with_scopes(scopes)
        kept = anew(made)
        result = push(caller, kept)[0]
        assert (result["outcome"], result["current"], result["base"]) == ("conflict", now, person)
        with_scopes("sync:write,people:write")
        result = push(caller, kept)[0]
        assert result["outcome"] == "conflict" and not {"current", "base"} & {*result}


def test_a_base_of_another_school_is_not_told(head, make, world, school):
    """Evidence of a contribution that was for everybody once, but not when this was written."""
    other = make.school(cluster_id=make.cluster()["id"])
    contribution = make.contribution(school_id=other["id"], visibility="public")
    head.patch(f"/v1/contributions/{contribution['id']}", {"visibility": "cluster"}, match="*")
    evidence = make.evidence(school_id=other["id"],
                             subject={"type": "contribution", "id": contribution["id"]})
    own = make.contribution(school_id=school["id"], visibility="cluster")
    now = head.patch(f"/v1/evidence/{evidence['id']}", {
        "school_id": school["id"], "subject": {"type": "contribution", "id": own["id"]}}, match="*").json
    caller = world.people.coordinator(school)
    result = push(caller, change("update", "evidence", evidence["id"], 1, {"title": "Mine"}))[0]
    assert (result["outcome"], result["current"]) == ("conflict", now) and "base" not in result


def test_a_record_that_is_there_already_is_a_conflict(make, cluster, leader):
    there = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    result = push(leader, change("create", "meeting", there["id"],
                                 document=meeting_of(make, cluster)))[0]
    assert result["outcome"] == "conflict" and result["current"] == there
    assert "base" not in result


def test_a_poisoned_change_blocks_no_other(make, cluster, leader, school):
    foreign = make.meeting(cluster_id=make.cluster()["id"], host_school_id=None)
    bad = meeting_of(make, cluster, topics=[])
    results = push(
        leader, change("create", "meeting", document=bad),
        change("update", "meeting", foreign["id"], 1, {"notes": "Not mine."}),
        change("update", "school", school["id"], 1, {"town": "Leeds"}),
        change("create", "meeting", document=meeting_of(make, cluster)),
        change("update", "meeting", str(uuid.uuid4()), 1, {"notes": "There is none."}),
        change("create", "framework", document={}),
        change("create", "attendance", document={"meeting_id": str(uuid.uuid4()),
                                                 "school_id": school["id"], "status": "present"}))
    refused(results[0], 422, "validation_failed", "/topics")
    refused(results[1], 404, "not_found")
    assert results[2]["problem"]["status"] == 403
    assert results[3]["outcome"] == "applied"
    refused(results[4], 404, "not_found")
    assert results[5]["problem"]["status"] in (403, 422)
    assert results[6]["problem"]["status"] in (403, 422)


def test_what_was_refused_stays_refused(head, make, cluster, leader):
    """Its answer may have been lost: what was to come of it is decided. A new try is a new change."""
    base = make.meeting(cluster_id=make.cluster()["id"], host_school_id=None)
    one = change("update", "meeting", base["id"], 2, {"notes": "Now it is mine."})
    first = push(leader, one)
    refused(first[0], 404, "not_found")
    head.patch(f"/v1/meetings/{base['id']}", {"cluster_id": cluster["id"]}, match='"1"')
    assert push(leader, one) == first
    again = anew(one)
    assert push(leader, again)[0]["outcome"] == "applied"
    assert push(leader, one, again) == [*first, push(leader, again)[0]]
    assert head.get(f"/v1/meetings/{base['id']}").json["version"] == 3


def test_a_batch_in_the_wrong_order_stays_so(head, make, cluster, leader, school):
    meeting, attendance = str(uuid.uuid4()), str(uuid.uuid4())
    batch = [change("create", "attendance", attendance, document={
        "meeting_id": meeting, "school_id": school["id"], "status": "present"}),
        change("create", "meeting", meeting, document=meeting_of(make, cluster))]
    first = push(leader, *batch)
    assert [one["outcome"] for one in first] == ["refused", "applied"]
    assert push(leader, *batch) == first
    problem(head.get(f"/v1/attendances/{attendance}"), 404, "not_found")


def test_what_was_refused_by_its_form_stays_so(make, cluster, leader):
    one = change("create", "meeting", document=meeting_of(make, cluster, topics=[]))
    first = push(leader, one)
    refused(first[0], 422, "validation_failed", "/topics")
    assert push(leader, one) == first
    other = {**one, "document": meeting_of(make, cluster)}
    refused(push(leader, other)[0], 422, "idempotency_key_reused")
    assert push(leader, one) == first


def test_a_conflict_stays_one(head, make, cluster, leader):
    """With what the record is by then."""
    base = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    path = f"/v1/meetings/{base['id']}"
    now = head.patch(path, {"notes": "By head office."}, match='"1"').json
    one = change("update", "meeting", base["id"], 3, {"notes": "By me."})
    first = push(leader, one)[0]
    assert (first["outcome"], first["current"]) == ("conflict", now)
    now = head.patch(path, {"notes": "Once more."}, match='"2"').json
    again = push(leader, one)[0]
    assert again == {**first, "current": now, **({"base": now} if "base" in again else {})}
    assert head.get(path).json == now


def test_a_conflict_stays_one_out_of_sight(head, make, cluster, leader):
    """And when the record is no more: then without what it is."""
    base = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    path = f"/v1/meetings/{base['id']}"
    head.patch(path, {"notes": "By head office."}, match='"1"')
    one = change("update", "meeting", base["id"], 1, {"notes": "By me."})
    first = push(leader, one)[0]
    assert first["outcome"] == "conflict"
    without = {name: first[name] for name in ("client_id", "outcome", "problem")}
    head.patch(path, {"cluster_id": make.cluster()["id"]}, match='"2"')
    assert push(leader, one)[0] == without
    now = head.patch(path, {"cluster_id": cluster["id"]}, match='"3"').json
    assert push(leader, one)[0] == {**without, "current": now, "base": base}
    assert head.delete(path, match='"4"').status == 204
    assert push(leader, one)[0] == without


def test_a_conflict_about_a_person_stays_one_after_erasure(head, make, stage, world, school):
    caller = world.people.coordinator(school)
    person = make.person(school_id=school["id"])
    head.patch(f"/v1/people/{person['id']}", {"job_title": "Head"}, match='"1"')
    one = change("update", "person", person["id"], 1, {"job_title": "Deputy"})
    assert push(caller, one)[0]["outcome"] == "conflict"
    stage.cluster.psql(f"SELECT anonymise_person('{person['id']}')", user="iqm_owner")
    again = push(caller, one)[0]
    assert again.keys() == {"client_id", "outcome", "problem"} and again["outcome"] == "conflict"
    assert again["problem"]["type"] == "/problems/idempotency_answer_gone"


def test_a_refusal_stays_one_in_sight(head, make, cluster, leader):
    """The id was taken by a record that was none of theirs."""
    there = make.meeting(cluster_id=make.cluster()["id"], host_school_id=None)
    one = change("create", "meeting", there["id"], document=meeting_of(make, cluster))
    first = push(leader, one)
    refused(first[0], 412, "precondition_failed")
    head.patch(f"/v1/meetings/{there['id']}", {"cluster_id": cluster["id"]}, match='"1"')
    assert push(leader, one) == first
    assert push(leader, anew(one))[0]["outcome"] == "conflict"


def test_a_conflict_of_who_is_head_office_too(head, make, world, cluster):
    """What they may change by one role and see by it is a conflict, though the other does not show it."""
    caller = world.people.leader(cluster, roles=("ambassador", "head_office"))
    there = make.meeting(cluster_id=make.cluster()["id"], host_school_id=None)
    path = f"/v1/meetings/{there['id']}"
    now = head.patch(path, {"notes": "By another."}, match='"1"').json
    assert caller.client.get(path).json == now
    for made in (change("update", "meeting", there["id"], 1, {"notes": "By me."}),
                 change("create", "meeting", there["id"], document=meeting_of(make, cluster))):
        first = push(caller, made)[0]
        assert (first["outcome"], first["current"]) == ("conflict", now), first
        assert push(caller, made)[0] == first
    made = change("update", "meeting", there["id"], 2, {"notes": "By me."})
    assert push(caller, made)[0]["outcome"] == "applied"


def test_who_may_not_today_is_told_again(make, stage, cluster, leader):
    scopes = "UPDATE token SET scopes = '{%s}' WHERE account_id = '" + leader.account["id"] + "'"
    one = change("create", "meeting", document=meeting_of(make, cluster))
    stage.cluster.psql(scopes % "sync:write", user="iqm_owner")
    first = push(leader, one)
    refused(first[0], 403, "insufficient_scope")
    refused(push(leader, one)[0], 403, "insufficient_scope")
    stage.cluster.psql(scopes % "sync:write,meetings:write", user="iqm_owner")
    assert push(leader, one) == first
    assert push(leader, anew(one))[0]["outcome"] == "applied"


def test_what_is_kept_of_a_refusal_goes_with_the_person(head, make, stage, world, school):
    """It holds no values, but may name members that are none."""
    caller = world.people.coordinator(school)
    person = make.person(school_id=school["id"])
    one = change("update", "person", person["id"], 1, {"email": "nobody", "Jo Ash": 1})
    first = push(caller, one)
    assert first[0]["problem"]["status"] == 422
    rows = ("SELECT count(*) FROM idempotency_record WHERE operation = 'push_changes' AND "
            f"person_id = '{person['id']}' AND body::text LIKE '%Jo Ash%'")
    assert stage.cluster.psql(rows) == "1"
    assert "nobody" not in stage.cluster.psql(rows.replace("count(*)", "body"))
    stage.cluster.psql(f"SELECT anonymise_person('{person['id']}')", user="iqm_owner")
    assert stage.cluster.psql(rows) == "0"
    found = refused(push(caller, one)[0], 409, "idempotency_answer_gone")
    assert "refused" in found["detail"]


def test_an_id_is_used_once(make, cluster, leader):
    one = change("create", "meeting", document=meeting_of(make, cluster))
    made = push(leader, one, change("delete", "meeting", one["id"], 1))
    assert [result["outcome"] for result in made] == ["applied", "applied"]
    again = change("create", "meeting", one["id"], document=meeting_of(make, cluster))
    refused(push(leader, again)[0], 412, "precondition_failed")


@pytest.mark.parametrize("made, pointer", [
    (change("create", "meeting", base_version=1, document={}), "/base_version"),
    (change("create", "meeting"), "/document"),
    (change("update", "meeting", document={}), "/base_version"),
    (change("update", "meeting", base_version=1), "/document"),
    (change("delete", "meeting"), "/base_version"),
    (change("delete", "meeting", base_version=1, document={}), "/document")])
def test_what_a_change_is_made_of(leader, made, pointer):
    refused(push(leader, made)[0], 422, "validation_failed", pointer)


def test_each_change_needs_its_own_scope(make, world, stage, cluster, leader):
    stage.cluster.psql(f"UPDATE token SET scopes = '{{sync:write,meetings:write}}' "
                       f"WHERE account_id = '{leader.account['id']}'", user="iqm_owner")
    meeting = str(uuid.uuid4())
    results = push(leader, change("create", "meeting", meeting, document=meeting_of(make, cluster)),
                   change("update", "cluster", cluster["id"], 1, {"notes": "Mine."}))
    assert results[0]["outcome"] == "applied"
    refused(results[1], 403, "insufficient_scope")


def test_a_batch_is_held_to_its_form(leader):
    post = leader.client.post
    invalid(post("/v1/sync", {"changes": []}), "/changes")
    many = [change("delete", "meeting", base_version=1) for _ in range(101)]
    invalid(post("/v1/sync", {"changes": many}), "/changes")
    problem(post("/v1/sync", {"changes": [change("update", "meeting", base_version=1, document={
        "notes": "x" * 1100000})]}), 413, "content_too_large")
    bad_parameter(post("/v1/sync?dry_run=true", {"changes": many[:1]}), "dry_run")


def test_what_a_policy_keeps_from_being_made_is_never_said_to_be(head, make, world, school):
    """A coordinator's member that is another role's to set: the update finds no row of theirs."""
    caller = world.people.coordinator(school)
    person = make.person(school_id=school["id"])
    one = change("update", "person", person["id"], 1,
                 {"school_id": make.school()["id"], "job_title": "Gone."})
    first, again = push(caller, one)[0], push(caller, one)[0]
    assert first["outcome"] == again["outcome"] == "refused"
    assert first["problem"]["status"] == again["problem"]["status"] == 403
    assert head.get(f"/v1/people/{person['id']}").json == person


def test_a_hundred_changes(make, cluster, leader):
    batch = [change("create", "meeting", document=meeting_of(make, cluster)) for _ in range(100)]
    first = push(leader, *batch)
    assert {one["outcome"] for one in first} == {"applied"}
    assert push(leader, *batch) == first


def test_what_was_pushed_comes_back(make, cluster, leader):
    """A phone may show what it sent as it was answered: the pull says the same."""
    phone = Phone(leader.client)
    phone.pull()
    sent = push(leader, change("create", "meeting", document=meeting_of(make, cluster)))[0]
    while ("meeting", sent["document"]["id"]) not in phone.held:
        phone.pull()
    assert phone.held["meeting", sent["document"]["id"]] == sent["document"]


def test_every_kind_that_a_school_may_write(make, world, school):
    caller = world.people.coordinator(school)
    body = make.example("contribution", school_id=school["id"])
    result = push(caller, change("create", "contribution", document=body))[0]
    assert result["outcome"] == "applied"
    path = f"{RESOURCES['contribution'].collection}/{result['document']['id']}"
    assert caller.client.get(path).json == result["document"]


def test_the_same_at_the_same_time(make, cluster, leader, school):
    """Whoever comes first decides; who comes meanwhile is put off, with all that follows, and hears the same in
    the end: what came of them in their order."""
    meeting = str(uuid.uuid4())
    batch = [change("create", "attendance", document={
        "meeting_id": meeting, "school_id": school["id"], "status": "present"}),
        change("create", "meeting", meeting, document=meeting_of(make, cluster)),
        change("update", "meeting", meeting, 7, {"notes": "Of a version that is not."})]
    told = []

    def send(own):
        answer = own.post("/v1/sync", {"changes": batch})
        told.append(answer.json["results"])
        return answer

    assert at_once(leader.client, [send] * 6) == [200] * 6
    last = until_decided(leader, *batch)
    assert [one["outcome"] for one in last] == ["refused", "applied", "conflict"], last
    for one, final in ((one, final) for results in told for one, final in zip(results, last)):
        if "problem" in one:
            one["problem"].pop("instance")
            assert is_put_off(one) or one["problem"].items() <= final.get("problem", {}).items(), (one, final)
        else:
            assert one == final
    for results in told:
        waits = [is_put_off(one) for one in results]
        assert waits == sorted(waits), results


def held(meeting):
    """A lock on a meeting's row that lets others refer to it."""
    return f"SELECT FROM meeting WHERE id = '{meeting['id']}' FOR NO KEY UPDATE"


@contextmanager
def first_waits(stage, leader, meeting, *batch):
    """While the first change of a batch waits for a meeting's row: who holds it, and the future of what is
    told. A session of the server waits for a second at most, whatever its settings."""
    own = Client(leader.client.port, leader.client.token)
    with ThreadPoolExecutor(1) as pool, holding(stage.cluster, held(meeting)) as holder:
        yield holder, holder.keep_waiting(pool, push, Written(own), *batch)
    own.close()


def deletion_and_what_builds_on_it(make, cluster, school):
    """The meeting, and a batch whose second is good only if it comes before the first."""
    meeting = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    return meeting, [
        change("delete", "meeting", meeting["id"], 1),
        change("create", "attendance", document={
            "meeting_id": meeting["id"], "school_id": school["id"], "status": "present"}),
        change("create", "meeting", document=meeting_of(make, cluster))]


def test_nothing_is_done_behind_what_is_under_way(stage, make, cluster, leader, school):
    """The same sent again while its first sending is still at work. Where the machine is so busy that the
    first has given up meanwhile, it is tried with another batch."""
    for _ in range(10):
        meeting, batch = deletion_and_what_builds_on_it(make, cluster, school)
        with first_waits(stage, leader, meeting, *batch) as (_, sent):
            again = push(leader, *batch)
        told = sent.result()
        if not is_put_off(told[0]):
            break
    refused(again[0], 409, "idempotency_key_in_use")
    for one in again[1:]:
        assert "before this one" in refused(one, 503, "service_unavailable")["detail"]
    assert [one["outcome"] for one in told] == ["applied", "refused", "applied"], told
    assert told[1]["problem"]["status"] in (403, 422)
    told[1]["problem"].pop("instance")
    last = push(leader, *batch)
    last[1]["problem"].pop("instance")
    assert last == told


def test_nothing_is_done_behind_what_passes(stage, make, cluster, leader, school):
    """A lock that another holds: were the second made before the first, the first could never be."""
    meeting, batch = deletion_and_what_builds_on_it(make, cluster, school)
    with serving(stage, IQM_DATABASE_TIMEOUT=1000) as server:
        own = Client(server.port, leader.client.token)
        with holding(stage.cluster, held(meeting)):
            first = push(Written(own), *batch)
        again = until_decided(Written(own), *batch)
        own.close()
    details = [refused(one, 503, "service_unavailable")["detail"] for one in first]
    assert ["before this one" in detail for detail in details] == [False, True, True]
    assert [one["outcome"] for one in again] == ["applied", "refused", "applied"], again


def test_nothing_is_done_behind_a_token_that_is_good_no_more(stage, make, cluster, leader):
    """It is revoked in the moment in which the first may go on."""
    meeting = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    batch = [change("update", "meeting", meeting["id"], 1, {"notes": "Mine."}),
             *(change("create", "meeting", document=meeting_of(make, cluster)) for _ in range(2))]
    revoked = "UPDATE token SET revoked_at = {} WHERE account_id = '" + leader.account["id"] + "'"
    with first_waits(stage, leader, meeting, *batch) as (holder, sent):
        assert holder.ask(revoked.format("now()") + "; COMMIT") == []
        told = sent.result()
    assert told[0]["outcome"] == "applied"
    refused(told[1], 401, "unauthorized")
    refused(told[2], 503, "service_unavailable")
    stage.cluster.psql(revoked.format("NULL"), user="iqm_owner")
    again = push(leader, *batch)
    assert [one["outcome"] for one in again] == ["applied"] * 3 and again[0] == told[0]


def test_what_builds_on_what_is_not_decided(stage, make, cluster, leader):
    """The id waits for another transaction until that is given up on: what is not there yet may come."""
    there, record = make.meeting(cluster_id=cluster["id"]), str(uuid.uuid4())
    batch = [change("create", "meeting", record, document=meeting_of(make, cluster)),
             change("update", "meeting", record, 1, {"notes": "Mine."})]
    taken = (f"INSERT INTO meeting (id, version, doc) SELECT '{record}', 1, document_with(doc, "
             f"json_build_object('id', '{record}')) FROM meeting WHERE id = '{there['id']}'")
    with serving(stage, IQM_DATABASE_TIMEOUT=1000) as server:
        own = Client(server.port, leader.client.token)
        with holding(stage.cluster, taken):
            first = push(Written(own), *batch)
        assert [one["problem"]["status"] for one in first] == [503, 503]
        again = until_decided(Written(own), *batch)
        own.close()
    assert [one["outcome"] for one in again] == ["applied"] * 2
