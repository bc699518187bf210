"""What programs that work offline get: all that the person may see, then what changes of it.

Whatever happens, a phone ends up with what the database shows to its person, and is told no more.
"""

import pytest

from support.expect import bad_parameter, problem
from support.phone import (DAY, EPOCH, KINDS, RECORD, SIGHT, XID, Phone, all_listed, may_see, read_since,
                           sign_since, told)
from support.places import day, wait_for
from support.resources import Maker
from support.scratch import scratch_database
from support.world import People


@pytest.fixture
def cluster(make):
    return make.cluster()


@pytest.fixture
def leader(world, cluster):
    return world.people.leader(cluster)


@pytest.fixture
def phone(leader):
    made = Phone(leader.client)
    made.pull()
    return made


def shows(stage, caller, roles="{ambassador}"):
    return may_see(stage.cluster, caller.account["id"], roles)


def settle(stage, phone, caller, roles="{ambassador}"):
    """Pulls until the phone holds what its person may see: what came, and how often."""
    came = []

    def settled():
        came.extend(phone.pull())
        return phone.versions() == shows(stage, caller, roles)
    wait_for(settled, "the phone to hold what its person may see")
    return came


def test_the_database_syncs_what_the_contract_says(stage):
    kinds = stage.cluster.psql("SELECT name FROM sync_kinds() ORDER BY place").split()
    assert sorted(kinds) == sorted(KINDS)
    listed = stage.cluster.psql("SELECT prosrc FROM pg_proc WHERE proname = 'sync_window'")
    assert all(f"'{kind}'" in listed for kind in kinds)


def test_a_sight_is_what_the_policies_ask(stage):
    """A policy that asks another function would let rows come and go behind the sync's back."""
    asked = set(stage.cluster.psql(r"""
        SELECT DISTINCT m[1] FROM pg_policies,
            regexp_matches(qual, 'SELECT ([a-z_]+)\(\)', 'g') AS m
        WHERE policyname = 'document_read' AND tablename IN (SELECT name FROM sync_kinds())
        """).split())
    told_of = set(stage.cluster.psql("SELECT json_object_keys(sync_sight())").split())
    assert asked == told_of


def test_the_first_sync_gives_what_the_lists_give(stage, world):
    caller = world.ambassador
    phone = Phone(caller.client)

    def agree():
        settle(stage, phone, caller)
        return phone.held == all_listed(caller.client)
    wait_for(agree, "phone and lists to hold the same")
    assert {"school", "meeting", "plan", "evidence", "person"} <= {kind for kind, _ in phone.held}


def test_only_what_is_asked_for_of_which_kinds(stage, world):
    caller = world.ambassador
    whole, some = Phone(caller.client), Phone(caller.client, "school.name,person.email,plan,school.town")

    def agree():
        whole.pull()
        some.pull()
        wanted = {key: document if key[0] == "plan" else
                  {name: document[name] for name in ("id", "version", *cut[key[0]]) if name in document}
                  for key, document in whole.held.items() if key[0] in ("plan", *cut)}
        return some.held == wanted and wanted
    cut = {"school": ("name", "town"), "person": ("email",)}
    wanted = wait_for(agree, "both phones to hold the same")
    assert {"school", "person", "plan"} == {kind for kind, _ in wanted}
    assert any("email" in document for (kind, _), document in wanted.items() if kind == "person")


def test_changes_of_other_kinds_are_not_told(head, make, cluster, leader):
    phone = Phone(leader.client, "school.name")
    phone.pull()
    make.meeting(cluster_id=cluster["id"], host_school_id=None)
    school = make.school(cluster_id=cluster["id"])
    head.delete(f"/v1/schools/{school['id']}", match='"1"')
    last = make.school(cluster_id=cluster["id"])
    came = []

    def told():
        came.extend(phone.pull())
        return ("school", last["id"]) in phone.held
    wait_for(told, "the last school")
    assert {one["type"] for one in came} == {"school"}
    assert school["id"] not in {found for _, found in phone.held}


def test_other_fields_begin_anew(leader, phone, cluster, make):
    """Else a program would hold old documents for ever without what it asks for now."""
    make.school(cluster_id=cluster["id"])
    for fields in ("school", "meeting"):
        phone.fields = fields
        begin_anew(phone)
    phone.forget()
    phone.pull()
    assert phone.ask().status == 200
    phone.fields = None
    begin_anew(phone)


@pytest.mark.parametrize("fields, fault", [
    ("school.nothing", "school.nothing"), ("token", "token"), ("school.name,account", "account"),
    ("school.name.town", None), ("", None), ("school,", None), ("School", None)])
def test_fields_that_are_none(leader, fields, fault):
    answer = leader.client.get(f"/v1/sync?fields={fields}")
    bad_parameter(answer, "fields")
    assert fault is None or f'"{fault}"' in answer.json["errors"][0]["detail"], answer.json


def test_a_first_sync_in_small_pages(stage, world):
    caller = world.coordinators["own"]
    phone = Phone(caller.client)
    assert len(phone.pull(limit=7)) > 20
    assert phone.pages > len(phone.held) / 7
    settle(stage, phone, caller, "{school}")


def test_an_unchanged_client_is_told_nothing(phone):
    """Others may be at work meanwhile."""
    def told_nothing():
        answer = phone.ask()
        phone.take(answer.json)
        return answer.json["changes"] == [] and not answer.json["more"] and answer
    assert len(wait_for(told_nothing, "a page without changes").body) < 700


def test_changes_come_whole(stage, head, make, cluster, leader, phone):
    school = make.school(cluster_id=cluster["id"])
    changes = settle(stage, phone, leader)
    came = [one for one in changes if one["id"] == school["id"]]
    assert came and all(one == {"change": "changed", "type": "school", "id": school["id"],
                                "document": school} for one in came)
    head.patch(f"/v1/schools/{school['id']}", {"town": "Leeds"}, match='"1"')
    settle(stage, phone, leader)
    assert phone.held["school", school["id"]]["town"] == "Leeds"


def test_a_since_is_answered_again(make, cluster, phone):
    school = make.school(cluster_id=cluster["id"])

    def told():
        changes = phone.ask().json["changes"]
        return changes if school["id"] in {one["id"] for one in changes} else None
    assert wait_for(told, "the change") == phone.ask().json["changes"]


def test_deletions_carry_id_and_type_only(stage, head, make, cluster, leader, phone):
    meeting = make.meeting(cluster_id=cluster["id"], host_school_id=None)
    settle(stage, phone, leader)
    assert head.delete(f"/v1/meetings/{meeting['id']}", match='"1"').status == 204
    changes = settle(stage, phone, leader)
    assert {"change": "deleted", "type": "meeting", "id": meeting["id"]} in changes


def test_what_nobody_here_saw_leaves_no_trace(stage, head, make, cluster, leader, phone):
    meeting = make.meeting(cluster_id=make.cluster()["id"], host_school_id=None)
    head.patch(f"/v1/meetings/{meeting['id']}", {"notes": "Good."}, match='"1"')
    head.delete(f"/v1/meetings/{meeting['id']}", match='"2"')
    make.school(cluster_id=cluster["id"])
    assert meeting["id"] not in {one["id"] for one in settle(stage, phone, leader)}


def test_evidence_of_others_leaves_no_trace(stage, head, make, cluster, leader, phone):
    """Of a contribution for its own cluster alone; and of one that once was for everybody, it does."""
    school = make.school(cluster_id=make.cluster()["id"])
    ids = {}
    for visibility in ("cluster", "programme"):
        contribution = make.contribution(school_id=school["id"], visibility=visibility)
        made = make.evidence(school_id=school["id"],
                             subject={"type": "contribution", "id": contribution["id"]})
        ids[visibility] = contribution["id"], made["id"]
    settle(stage, phone, leader)
    assert ("evidence", ids["programme"][1]) in phone.held
    assert ("evidence", ids["cluster"][1]) not in phone.held
    for _, evidence in ids.values():
        head.patch(f"/v1/evidence/{evidence}", {"title": "Another"}, match="*")
    head.delete(f"/v1/evidence/{ids['cluster'][1]}", match="*")
    found = told(settle(stage, phone, leader))
    assert ids["cluster"][1] not in {one for _, _, one in found}
    assert ("changed", "evidence", ids["programme"][1]) in found

    # Behind a page that ends between both, nobody is left with evidence that is no more.
    head.delete(f"/v1/evidence/{ids['programme'][1]}", match="*")
    head.patch(f"/v1/contributions/{ids['programme'][0]}", {"visibility": "cluster"}, match="*")
    settle(stage, phone, leader)
    assert not {("evidence", ids["programme"][1]), ("contribution", ids["programme"][0])} & set(phone.held)


@pytest.mark.parametrize("how", ["deleted", "moved", "contribution moved"])
def test_evidence_of_another_school_than_its_contributions_goes(stage, head, make, world, how):
    """Whoever sees the contribution holds it, and hears of its end."""
    cluster, elsewhere = make.cluster(), make.cluster()
    school, other = make.school(cluster_id=cluster["id"]), make.school(cluster_id=elsewhere["id"])
    contribution = make.contribution(school_id=school["id"], visibility="cluster")
    evidence = make.evidence(school_id=other["id"],
                             subject={"type": "contribution", "id": contribution["id"]})
    colleague = world.people.coordinator(make.school(cluster_id=cluster["id"]))
    phone = Phone(colleague.client)
    settle(stage, phone, colleague, "{school}")
    assert ("evidence", evidence["id"]) in phone.held
    path = f"/v1/evidence/{evidence['id']}"
    if how == "deleted":
        assert head.delete(path, match="*").status == 204
    elif how == "moved":
        hidden = make.contribution(school_id=other["id"], visibility="cluster")
        subject = {"type": "contribution", "id": hidden["id"]}
        assert head.patch(path, {"subject": subject}, match="*").status == 200
    else:
        assert head.patch(f"/v1/contributions/{contribution['id']}", {"school_id": other["id"]},
                          match="*").status == 200
        assert head.delete(path, match="*").status == 204
    settle(stage, phone, colleague, "{school}")
    assert ("evidence", evidence["id"]) not in phone.held


def test_a_cluster_that_is_handed_over_moves_from_phone_to_phone(stage, head, make, world):
    cluster = make.cluster()
    school = make.school(cluster_id=cluster["id"])
    meeting = make.meeting(cluster_id=cluster["id"], host_school_id=school["id"])
    attendance = make.attendance(meeting_id=meeting["id"], school_id=school["id"])
    award = make.award(school_id=school["id"])
    old, new = world.people.leader(cluster), world.people.leader(make.cluster())
    phones = Phone(old.client), Phone(new.client)
    settle(stage, phones[0], old)
    settle(stage, phones[1], new)
    moved = {("school", school["id"]), ("meeting", meeting["id"]), ("award", award["id"]),
             ("attendance", attendance["id"]), ("cluster", cluster["id"])}
    assert moved <= set(phones[0].held) and not moved & set(phones[1].held)

    assert head.patch(f"/v1/assignments/{old.assignment['id']}", {"ends_on": day(-1)},
                      match='"1"').status == 200
    world.people.assign(new.ambassador, cluster, 0)
    lost, gained = settle(stage, phones[0], old), settle(stage, phones[1], new)
    assert {("removed", *one) for one in moved} <= told(lost)
    assert {("changed", *one) for one in moved} <= told(gained)


def test_a_school_that_moves_takes_what_is_its_own_along(stage, head, make, cluster, leader, phone):
    school = make.school(cluster_id=make.cluster()["id"])
    shared = make.contribution(school_id=school["id"], visibility="cluster")
    evidence = make.evidence(school_id=school["id"],
                             subject={"type": "contribution", "id": shared["id"]})
    settle(stage, phone, leader)
    assert not phone.ids("contribution") & {shared["id"]}
    head.patch(f"/v1/schools/{school['id']}", {"cluster_id": cluster["id"]}, match='"1"')
    settle(stage, phone, leader)
    assert shared["id"] in phone.ids("contribution") and evidence["id"] in phone.ids("evidence")
    head.patch(f"/v1/schools/{school['id']}", {"cluster_id": None}, match='"2"')
    changes = settle(stage, phone, leader)
    assert {("removed", "contribution", shared["id"]), ("removed", "evidence", evidence["id"]),
            ("removed", "school", school["id"])} <= told(changes)


def test_evidence_comes_and_goes_with_its_contribution(stage, head, make, leader, phone):
    school = make.school(cluster_id=make.cluster()["id"])
    shared = make.contribution(school_id=school["id"], visibility="programme")
    evidence = make.evidence(school_id=school["id"],
                             subject={"type": "contribution", "id": shared["id"]})
    settle(stage, phone, leader)
    assert evidence["id"] in phone.ids("evidence")
    head.patch(f"/v1/contributions/{shared['id']}", {"visibility": "cluster"}, match='"1"')
    settle(stage, phone, leader)
    assert evidence["id"] not in phone.ids("evidence")
    head.patch(f"/v1/contributions/{shared['id']}", {"visibility": "public"}, match='"2"')
    settle(stage, phone, leader)
    assert evidence["id"] in phone.ids("evidence")
    head.delete(f"/v1/evidence/{evidence['id']}", match='"1"')
    assert ("deleted", "evidence", evidence["id"]) in told(settle(stage, phone, leader))


def test_a_school_sees_a_review_while_it_may(stage, head, make, world):
    school = make.school(cluster_id=make.cluster()["id"])
    caller = world.people.coordinator(school)
    phone = Phone(caller.client)
    award = make.award(school_id=school["id"])
    review = make.review(award_id=award["id"])
    settle(stage, phone, caller, "{school}")
    assert review["id"] in phone.ids("review")
    assert head.delete(f"/v1/reviews/{review['id']}", match='"1"').status == 204
    assert ("deleted", "review", review["id"]) in told(settle(stage, phone, caller, "{school}"))


def test_who_was_erased_is_gone_by_id_only(stage, head, make, cluster, leader, phone):
    school = make.school(cluster_id=cluster["id"])
    person = make.person(school_id=school["id"])
    settle(stage, phone, leader)
    assert phone.held["person", person["id"]]["name"] == person["name"]
    assert head.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
    changes = settle(stage, phone, leader)
    assert [one for one in changes if one["id"] == person["id"]] == [
        {"change": "deleted", "type": "person", "id": person["id"]}]


def test_sight_that_changes_during_a_first_sync(stage, head, make, world):
    """What was given already and is not theirs any more goes, what is newly theirs comes."""
    first, second = make.cluster(), make.cluster()
    schools = [make.school(cluster_id=first["id"]) for _ in range(3)]
    schools += [make.school(cluster_id=second["id"]) for _ in range(3)]
    caller = world.people.leader(first)
    phone = Phone(caller.client)
    while not phone.ids("school"):
        phone.take(phone.ask(limit=2).json)
    head.patch(f"/v1/assignments/{caller.assignment['id']}", {"ends_on": day(-1)}, match='"1"')
    world.people.assign(caller.ambassador, second, 0)
    settle(stage, phone, caller)
    assert phone.ids("school") == {one["id"] for one in schools[3:]}


def test_sight_that_comes_and_goes_between_two_pulls(stage, head, cluster, leader, phone):
    path = f"/v1/assignments/{leader.assignment['id']}"
    head.patch(path, {"ends_on": day(-1)}, match='"1"')
    head.patch(path, {"ends_on": None}, match='"2"')
    settle(stage, phone, leader)
    assert ("cluster", cluster["id"]) in phone.held


def test_a_day_ends_an_assignment(stage, world, make, leader):
    """Nobody changes anything: a page of another day looks again at what is seen."""
    phone = Phone(leader.client)
    settle(stage, phone, leader)
    words = read_since(phone.since)
    cluster = make.cluster()
    school = make.school(cluster_id=cluster["id"])
    world.people.assign(leader.ambassador, cluster, 0)
    settle(stage, phone, leader)
    words = [*words[:XID], *read_since(phone.since)[XID:SIGHT], *words[SIGHT:DAY], day(-1),
             *words[DAY + 1:]]
    phone.since = sign_since(words, stage.key)
    settle(stage, phone, leader)
    assert ("school", school["id"]) in phone.held


# ---- cursors that are good no more ----

def begin_anew(phone, **query):
    return problem(phone.ask(**query), 410, "sync_expired")


def test_somebody_elses_since(world, phone):
    other = Phone(world.ambassador.client)
    other.since = phone.since
    begin_anew(other)


def test_a_since_beyond_the_horizon(stage, phone):
    words = read_since(phone.since)
    words[DAY] = day(-90)
    phone.since = sign_since(words, stage.key)
    assert phone.ask().status == 200
    words[DAY] = day(-91)
    phone.since = sign_since(words, stage.key)
    begin_anew(phone)


def test_a_since_from_before_a_restore(stage, phone):
    words = read_since(phone.since)
    words[EPOCH] = "0123456789abcdef"
    phone.since = sign_since(words, stage.key)
    begin_anew(phone)


def test_a_since_from_a_future_that_was_rolled_back(stage, phone):
    words = read_since(phone.since)
    words[XID] = "9000000000000000000"
    phone.since = sign_since(words, stage.key)
    begin_anew(phone)


def test_a_since_whose_record_an_older_copy_has_not(stage):
    """A copy of the whole machine is the same database on the same timeline: it lacks what came after it,
    and nothing else tells."""
    with scratch_database(stage) as scratch, scratch.served(scratch.token(), IQM_WORKERS=1) as head:
        make = Maker(head, stage.number)
        cluster = make.cluster()
        phone = Phone(People(make, scratch, head.port).leader(cluster).client)
        last = make.meeting(cluster_id=cluster["id"], host_school_id=None)
        wait_for(lambda: phone.pull() is not None and ("meeting", last["id"]) in phone.held, "the feed's end")
        assert phone.pull() == [] == phone.pull()
        words = read_since(phone.since)
        scratch.psql(f"""ALTER TABLE audit_record DISABLE TRIGGER append_only;
            DELETE FROM audit_record WHERE (xid, id) >= ('{words[XID]}', '{words[RECORD]}')""",
                     user="postgres")
        begin_anew(phone)


def test_a_since_whose_sight_is_kept_no_more(stage, head, cluster, phone):
    words = read_since(phone.since)
    words[SIGHT], words[DAY] = "00" * 32, day(-1)
    phone.since = sign_since(words, stage.key)
    begin_anew(phone)


@pytest.mark.parametrize("since", ["abc", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "A" * 800])
def test_a_since_that_the_server_did_not_make(phone, since):
    phone.since = since
    bad_parameter(phone.ask(), "since")


def test_a_since_that_was_changed(phone):
    phone.since = phone.since[:-4] + ("AAAA" if phone.since[-4:] != "AAAA" else "BBBB")
    bad_parameter(phone.ask(), "since")


def test_the_epoch_is_the_databases_own(stage):
    """What makes a restored copy another one: a dump keeps no number of a table."""
    source = stage.cluster.psql("SELECT prosrc FROM pg_proc WHERE proname = 'sync_epoch'"
                                " AND pronargs = 0")
    for part in ("audit_record'::regclass", "system_identifier", "pg_walfile_name", "d.oid"):
        assert part in source


def test_head_office_and_programs_of_their_own_have_no_phone(head, reader):
    for caller in (head, reader):
        problem(caller.get("/v1/sync"), 403, "forbidden")
