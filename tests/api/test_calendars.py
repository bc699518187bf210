"""Calendar feeds: who makes them, what they show, and what calendar programs make of them."""

import datetime
import gzip
import hashlib

import pytest

from support.calendars import FEEDS, LONDON, new_feed, read, revoke, secret_of
from support.expect import invalid, problem
from support.places import day

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="session")
def people(world):
    return world.people


@pytest.fixture
def cluster(make):
    return make.cluster()


@pytest.fixture
def school(make, cluster):
    return make.school(cluster_id=cluster["id"])


@pytest.fixture
def officer(people):
    return people.somebody("head_office").client


@pytest.fixture
def leader(people, cluster):
    return people.leader(cluster)


@pytest.fixture
def path(officer, cluster):
    """The calendar of the cluster, to head office."""
    return new_feed(officer, cluster_id=cluster["id"])[1]


@pytest.fixture
def meeting(make, cluster):
    return make.meeting(cluster_id=cluster["id"], held_on=day(20))


def moment(date, time):
    return int(datetime.datetime.fromisoformat(f"{date}T{time}").replace(tzinfo=LONDON).timestamp())


def basic(date):
    return date.replace("-", "")


class TestFeed:
    def test_is_made_and_listed_without_its_address(self, officer, cluster):
        made = officer.post(FEEDS, {"cluster_id": cluster["id"], "label": "My phone"})
        assert made.status == 201, made
        feed = made.json["feed"]
        assert (feed["cluster_id"], feed["school_id"], feed["ambassador_id"], feed["label"],
                feed["last_read_on"]) == (cluster["id"], None, None, "My phone", None)
        assert officer.get(FEEDS).json == {"items": [feed], "next": None}
        secret = secret_of(made.json["url"])
        assert len(secret) == 47 and made.header("Cache-Control") == "no-store"
        assert secret not in officer.get(FEEDS).text

    def test_keeps_a_keyed_hash_of_its_secret_and_nothing_else(self, stage, officer, cluster):
        made = officer.post(FEEDS, {"cluster_id": cluster["id"]}).json
        secret = secret_of(made["url"])
        row = stage.cluster.psql(f"SELECT f::text FROM calendar_feed AS f "
                                 f"WHERE id = '{made['feed']['id']}'")
        digest = hashlib.blake2b(secret.encode(), key=bytes.fromhex(stage.key), digest_size=32)
        assert digest.hexdigest() in row and secret not in row

    def test_keeps_its_label_sealed_for_its_owner(self, stage, people, cluster):
        """Not even beside another feed can it be read."""
        texts = [f"Label {stage.number()} “x”" for _ in "12"]
        one, other = [people.somebody("head_office").client for _ in "12"]
        (feed, path), (foreign, _) = [new_feed(who, cluster_id=cluster["id"], label=text)
                                      for who, text in zip((one, other), texts)]
        assert feed["label"] == texts[0] and one.get(FEEDS).json["items"] == [feed]
        stored = "SELECT label FROM calendar_feed WHERE id = '{}'"
        kept = [stage.cluster.psql(stored.format(one["id"])) for one in (feed, foreign)]
        assert all(label.startswith("~1.") for label in kept) and kept[0] != kept[1]
        stage.cluster.psql(f"UPDATE calendar_feed SET label = ({stored.format(foreign['id'])}) "
                           f"WHERE id = '{feed['id']}'")
        assert one.get(FEEDS).json["items"] == [{**feed, "label": None}]
        assert f"X-WR-CALNAME:IQM: {cluster['name']}" in one.get(path).text.replace("\r\n ", "")

    @pytest.mark.parametrize("members", [
        {}, {"label": "Nothing"}, {"cluster_id": UNKNOWN, "school_id": UNKNOWN},
        {"cluster_id": UNKNOWN, "school_id": UNKNOWN, "ambassador_id": UNKNOWN}])
    def test_is_of_one_thing(self, officer, members):
        invalid(officer.post(FEEDS, members), "")

    @pytest.mark.parametrize("member", ["cluster_id", "school_id", "ambassador_id"])
    def test_is_of_something_that_is_seen(self, officer, leader, world, member):
        invalid(officer.post(FEEDS, {member: UNKNOWN}), f"/{member}")
        others = {"cluster_id": world.clusters["foreign"], "school_id": world.schools["foreign"],
                  "ambassador_id": world.stranger.ambassador}[member]
        invalid(leader.client.post(FEEDS, {member: others["id"]}), f"/{member}")

    @pytest.mark.parametrize("label", ["", "x" * 101, 7])
    def test_has_a_label_of_some_length(self, officer, cluster, label):
        invalid(officer.post(FEEDS, {"cluster_id": cluster["id"], "label": label}), "/label")

    def test_belongs_to_a_person(self, head, cluster):
        found = problem(head.post(FEEDS, {"cluster_id": cluster["id"]}), 409, "conflict")
        assert "Sign in" in found["detail"]
        assert head.get(FEEDS).json == {"items": [], "next": None}
        problem(head.delete(f"{FEEDS}/{UNKNOWN}"), 404, "not_found")

    def test_is_one_of_twenty(self, officer, cluster):
        feeds = [new_feed(officer, cluster_id=cluster["id"])[0] for _ in range(20)]
        problem(officer.post(FEEDS, {"cluster_id": cluster["id"]}), 409, "conflict")
        assert officer.get(FEEDS).json["items"] == feeds
        assert revoke(officer, feeds[0]).status == 204
        new_feed(officer, cluster_id=cluster["id"])

    def test_is_gone_when_it_is_revoked(self, officer, cluster):
        feed, path = new_feed(officer, cluster_id=cluster["id"])
        assert officer.get(path).status == 200
        assert revoke(officer, feed).status == 204
        problem(officer.get(path), 404, "not_found")
        problem(revoke(officer, feed), 404, "not_found")
        assert officer.get(FEEDS).json["items"] == []

    def test_is_in_the_audit_log_when_it_comes_and_goes(self, head, people, cluster):
        who = people.somebody("head_office")
        feed, _ = new_feed(who.client, cluster_id=cluster["id"])
        revoke(who.client, feed)
        found = head.get(f"/v1/audit-records?resource_id={feed['id']}").json["items"]
        assert [(r["operation"], r["resource"], r["actor"]) for r in found] == [
            (name, "calendar_feed", who.account["id"])
            for name in ("create_calendar_feed", "revoke_calendar_feed")]

    def test_says_when_it_was_last_read(self, stage, officer, cluster):
        feed, path = new_feed(officer, cluster_id=cluster["id"])
        for _ in "12":
            assert officer.get(path).status == 200
            assert officer.get(FEEDS).json["items"][0]["last_read_on"] == day(0)
        version = f"SELECT xmin FROM calendar_feed WHERE id = '{feed['id']}'"
        before = stage.cluster.psql(version)
        assert officer.get(path).status == 200
        assert stage.cluster.psql(version) == before, "it is noted once a day"

    def test_is_shown_to_whom_it_belongs_and_goes_with_them(self, head, people, make):
        place = make.school()
        coordinator = people.coordinator(place)
        _, path = new_feed(coordinator.client, school_id=place["id"], label="Staff room")
        held = coordinator.client.get(f"/v1/people/{coordinator.person['id']}/personal-data")
        assert held.status == 200 and "Staff room" in held.text
        assert head.post(f"/v1/people/{coordinator.person['id']}/erasure", {}).status == 201
        problem(head.get(path), 404, "not_found")

    def test_goes_with_what_it_is_of(self, head, officer, cluster):
        new_feed(officer, cluster_id=cluster["id"])
        assert head.delete(f"/v1/clusters/{cluster['id']}", "*").status == 204
        assert officer.get(FEEDS).json["items"] == []


class TestAddress:
    @pytest.mark.parametrize("change", [
        lambda s: "iqf_" + "A" * 43, lambda s: s + "A", lambda s: s[:-1], lambda s: "iqm_" + s[4:],
        lambda s: "x", lambda s: "%C3%A9", lambda s: s.lower() if s != s.lower() else s.upper()])
    def test_that_is_another_is_unknown(self, anyone, path, change):
        secret = path.split("/")[3]
        problem(anyone.get(f"/v1/calendars/{change(secret)}/feed.ics"), 404, "not_found")
        assert anyone.get(path).status == 200

    def test_takes_what_programs_add(self, anyone, path):
        assert anyone.get(path + "?nocache=1").status == 200

    def test_may_be_kept_by_its_reader_until_something_changes(self, anyone, head, path, meeting):
        first = anyone.get(path)
        assert first.header("Cache-Control") == "private, no-cache"
        for etag in (first.etag, f"W/{first.etag}", f'"x", {first.etag}'):
            same = anyone.get(path, headers={"If-None-Match": etag})
            assert (same.status, same.body, same.etag) == (304, b"", first.etag)
        head.patch(f"/v1/meetings/{meeting['id']}", {"location": "Upstairs"}, "*")
        assert anyone.get(path, headers={"If-None-Match": first.etag}).status == 200

    def test_is_compressed_and_answers_head(self, anyone, make, cluster, path):
        for distance in range(3):
            make.meeting(cluster_id=cluster["id"], held_on=day(distance))
        plain = anyone.get(path)
        packed = anyone.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.header("Content-Encoding") == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        asked = anyone.request("HEAD", path)
        assert (asked.status, asked.body, asked.etag) == (200, b"", plain.etag)
        assert asked.header("Content-Length") == str(len(plain.body))

    def test_is_not_for_other_media_types(self, anyone, path):
        problem(anyone.get(path, headers={"Accept": "application/json"}), 406, "not_acceptable")


class TestCalendar:
    def test_has_a_name(self, anyone, officer, path, cluster):
        assert f"X-WR-CALNAME:IQM: {cluster['name']}" in anyone.get(path).text.replace("\r\n ", "")
        _, other = new_feed(officer, cluster_id=cluster["id"], label="A, b; c\\d")
        text = anyone.get(other).text
        assert "\r\nNAME:A\\, b\\; c\\\\d\r\n" in text
        assert "\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in text

    @pytest.mark.parametrize("month", ["01-14", "07-14"])
    def test_has_meetings_at_the_right_moment(self, anyone, make, path, cluster, month):
        """Also those of programs that know no zone but what the calendar itself says."""
        date = f"{int(day(0)[:4]) + 1}-{month}"
        made = make.meeting(cluster_id=cluster["id"], held_on=date, start_time="14:30")
        event = read(anyone, path).by_id[made["id"]]
        assert event.start == moment(date, "14:30") and event.end == event.start + 3600
        assert (event.summary, event.location) == (
            f"Cluster meeting: {cluster['name']}", "The hall")
        assert (event.status, event.sequence) == ("CONFIRMED", 1)
        assert event.changed == int(datetime.datetime.fromisoformat(
            made["updated_at"].replace("Z", "+00:00")).timestamp())

    @pytest.mark.parametrize("date, time, utc", [
        ("2031-03-30", "00:30", "2031-03-30T00:30"), ("2031-03-30", "02:30", "2031-03-30T01:30"),
        ("2031-10-26", "00:30", "2031-10-25T23:30"), ("2031-10-26", "02:30", "2031-10-26T02:30")])
    def test_has_them_so_on_the_days_the_clock_changes(
            self, anyone, make, path, cluster, date, time, utc):
        made = make.meeting(cluster_id=cluster["id"], held_on=date, start_time=time)
        wanted = datetime.datetime.fromisoformat(utc + "+00:00").timestamp()
        assert read(anyone, path).by_id[made["id"]].start == wanted == moment(date, time)

    def test_has_the_end_of_meetings(self, anyone, make, path, cluster):
        made = make.meeting(cluster_id=cluster["id"], held_on="2031-07-01", start_time="14:30",
                            end_time="16:15")
        event = read(anyone, path).by_id[made["id"]]
        assert (event.start, event.end) == (
            moment("2031-07-01", "14:30"), moment("2031-07-01", "16:15"))

    def test_has_meetings_without_a_time_all_day(self, anyone, make, path, cluster):
        made = make.meeting(cluster_id=cluster["id"], held_on="2031-12-31", start_time=None)
        event = read(anyone, path).by_id[made["id"]]
        assert (event.start, event.end) == ("20311231", "20320101")

    def test_says_when_a_meeting_moved(self, anyone, head, path, meeting):
        before = read(anyone, path).by_id[meeting["id"]]
        assert head.patch(f"/v1/meetings/{meeting['id']}", {
            "held_on": day(30), "location": "Höhle; 3, Zürich Road " + "é" * 90}, "*").status == 200
        after = read(anyone, path).by_id[meeting["id"]]
        assert after.sequence == before.sequence + 1 and after.changed >= before.changed
        assert after.start == moment(day(30), "14:30")
        assert after.location == "Höhle; 3, Zürich Road " + "é" * 90

    def test_says_for_a_while_that_a_meeting_is_off(self, stage, anyone, head, path, meeting):
        before = read(anyone, path).by_id[meeting["id"]]
        assert head.delete(f"/v1/meetings/{meeting['id']}", "*").status == 204
        after = read(anyone, path).by_id[meeting["id"]]
        assert (after.status, after.sequence) == ("CANCELLED", before.sequence + 1)
        assert (after.start, after.summary, after.location) == (before.start, before.summary, None)
        for days, shown in ((29, True), (31, False)):
            stage.cluster.psql(f"UPDATE history SET replaced_at = now() - interval '{days} days' "
                               f"WHERE resource = 'meeting' AND id = '{meeting['id']}'")
            assert (meeting["id"] in read(anyone, path).by_id) == shown

    def test_has_the_visits_of_reviews(self, anyone, make, path, school):
        award = make.award(school_id=school["id"])
        review = make.review(award_id=award["id"], scheduled_on=day(40))
        event = read(anyone, path).by_id[review["id"]]
        assert (event.start, event.end) == (basic(day(40)), basic(day(41)))
        assert event.summary == f"Review visit: {school['name']}"

    def test_says_for_a_while_that_a_visit_is_off(self, stage, anyone, head, make, path, school):
        award = make.award(school_id=school["id"])
        review = make.review(award_id=award["id"], scheduled_on=day(40))
        before = read(anyone, path).by_id[review["id"]]
        assert head.delete(f"/v1/reviews/{review['id']}", "*").status == 204
        after = read(anyone, path).by_id[review["id"]]
        assert (after.status, after.sequence) == ("CANCELLED", before.sequence + 1)
        assert (after.start, after.summary) == (before.start, before.summary)
        stage.cluster.psql("UPDATE history SET replaced_at = now() - interval '31 days' "
                           f"WHERE resource = 'review' AND id = '{review['id']}'")
        assert review["id"] not in read(anyone, path).by_id

    def test_has_the_days_on_which_a_review_is_due(self, stage, anyone, make, path, school):
        award = make.award(school_id=school["id"])
        assert award["id"] not in read(anyone, path).by_id
        for status, shown in (("awarded", True), ("lapsed", False)):
            stage.cluster.psql(
                "SET session_replication_role = replica; UPDATE award SET doc = document_with(doc, "
                f"json_build_object('review_due_on', '{day(50)}', 'status', '{status}')) "
                f"WHERE id = '{award['id']}'")
            events = read(anyone, path).by_id
            assert (award["id"] in events) == shown
            if shown:
                assert events[award["id"]].summary == f"Review due: {school['name']}"
                assert events[award["id"]].start == basic(day(50))

    def test_goes_a_year_back(self, anyone, make, path, cluster):
        old = make.meeting(cluster_id=cluster["id"], held_on=day(-400))
        recent = make.meeting(cluster_id=cluster["id"], held_on=day(-360))
        events = read(anyone, path).by_id
        assert old["id"] not in events and recent["id"] in events

    def test_has_at_most_a_thousand_events_the_latest(self, stage, anyone, path, cluster, meeting):
        many = f"""INSERT INTO meeting (id, version, doc) SELECT id, 1, json_build_object(
                'id', id, 'version', 1, 'created_at', '2026-01-01T00:00:00.000Z',
                'updated_at', '2026-01-01T00:00:00.000Z', 'kind', 'cluster',
                'cluster_id', '{cluster["id"]}', 'held_on', today() - 100 + n / 11,
                'location', repeat('é', 300), 'topics', '[]'::json, 'academic_year', '2026/27',
                'term', 'autumn')
            FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, 1000) AS n) AS made"""
        stage.cluster.psql(f"SET session_replication_role = replica; {many}")
        try:
            calendar = read(anyone, path)
            assert len(calendar.events) == 1000 and meeting["id"] in calendar.by_id
        finally:
            stage.cluster.psql("SET session_replication_role = replica; DELETE FROM meeting "
                               f"WHERE cluster_id = '{cluster['id']}' AND id <> '{meeting['id']}'")

    def test_has_of_texts_nothing_but_the_place(self, anyone, head, path, meeting):
        head.patch(f"/v1/meetings/{meeting['id']}", {"topics": ["Topic of Wilma"],
                                                     "notes": "Notes of Wilma"}, "*")
        text = anyone.get(path).text
        assert "Wilma" not in text
        assert f"/v1/meetings/{meeting['id']}\r\n" in text.replace("\r\n ", "")


class TestSight:
    """What the owner may see at that moment."""

    def test_of_a_cluster(self, anyone, make, path, cluster, school, meeting):
        additional = make.meeting(kind="additional", cluster_id=None, host_school_id=school["id"],
                                  held_on=day(5))
        elsewhere = make.meeting(held_on=day(5))
        events = read(anyone, path).by_id
        assert {meeting["id"], additional["id"]} == set(events)
        assert events[additional["id"]].summary == f"Additional meeting: {school['name']}"
        assert elsewhere["id"] not in events

    def test_of_a_school(self, anyone, make, people, cluster, school, meeting):
        """Its cluster's meetings, what it hosts and where it is invited; its own visits only."""
        guest = make.meeting(kind="additional", cluster_id=None, held_on=day(6),
                             host_school_id=make.school()["id"], invited_school_ids=[school["id"]])
        other = make.school(cluster_id=cluster["id"])
        reviews = {one["id"]: make.review(award_id=make.award(school_id=one["id"])["id"],
                                          scheduled_on=day(8)) for one in (school, other)}
        _, path = new_feed(people.coordinator(school).client, school_id=school["id"])
        assert set(read(anyone, path).by_id) == {
            meeting["id"], guest["id"], reviews[school["id"]]["id"]}

    def test_of_another_school_of_the_cluster(self, anyone, head, make, people, cluster, school):
        """A coordinator sees the meetings, not the visits, nor that one is off."""
        other = make.school(cluster_id=cluster["id"])
        visit = make.review(award_id=make.award(school_id=other["id"])["id"], scheduled_on=day(8))
        shared = make.meeting(kind="additional", cluster_id=cluster["id"], held_on=day(9),
                              host_school_id=other["id"])
        _, path = new_feed(people.coordinator(school).client, school_id=other["id"])
        assert set(read(anyone, path).by_id) == {shared["id"]}
        assert head.delete(f"/v1/reviews/{visit['id']}", "*").status == 204
        assert set(read(anyone, path).by_id) == {shared["id"]}

    def test_of_an_ambassador_follows_who_leads(self, anyone, head, make, people, leader, meeting):
        _, path = new_feed(leader.client, ambassador_id=leader.ambassador["id"])
        assert set(read(anyone, path).by_id) == {meeting["id"]}
        next_one = make.meeting(held_on=day(7))
        people.assign(leader.ambassador, {"id": next_one["cluster_id"]}, 0)
        assert set(read(anyone, path).by_id) == {meeting["id"], next_one["id"]}
        ended = head.patch(f"/v1/assignments/{leader.assignment['id']}", {"ends_on": day(-1)}, "*")
        assert ended.status == 200, ended
        assert set(read(anyone, path).by_id) == {next_one["id"]}

    def test_ends_with_the_sight_of_the_cluster(self, anyone, head, leader, cluster):
        _, path = new_feed(leader.client, cluster_id=cluster["id"])
        assert anyone.get(path).status == 200
        head.patch(f"/v1/assignments/{leader.assignment['id']}", {"ends_on": day(-1)}, "*")
        problem(anyone.get(path), 404, "not_found")

    def test_ends_while_the_account_is_suspended(self, anyone, head, leader, cluster):
        _, path = new_feed(leader.client, cluster_id=cluster["id"])
        where = f"/v1/accounts/{leader.account['id']}"
        for suspended, status in ((True, 404), (False, 200)):
            assert head.patch(where, {"suspended": suspended}, "*").status == 200
            assert anyone.get(path).status == status

    def test_of_what_was_deleted_is_no_wider(self, anyone, head, make, people, cluster, school):
        """Of a meeting that is off hears who would have seen it."""
        gone = {}
        for name, members in {
                "cluster's": {"cluster_id": cluster["id"]}, "nobody's": {},
                "guest's": {"kind": "additional", "cluster_id": None,
                            "host_school_id": make.school()["id"],
                            "invited_school_ids": [school["id"]]}}.items():
            gone[name] = make.meeting(held_on=day(5), **members)
            assert head.delete(f"/v1/meetings/{gone[name]['id']}", "*").status == 204
        _, path = new_feed(people.coordinator(school).client, school_id=school["id"])
        assert set(read(anyone, path).by_id) == {gone["cluster's"]["id"], gone["guest's"]["id"]}
        _, path = new_feed(people.somebody("head_office").client, school_id=school["id"])
        assert set(read(anyone, path).by_id) == {gone["cluster's"]["id"], gone["guest's"]["id"]}

    def test_is_of_this_reading_only(self, anyone, path, meeting):
        """The next who reads on the same connection is nobody again."""
        for _ in range(20):
            assert anyone.get(path).status == 200
            problem(anyone.get(f"/v1/meetings/{meeting['id']}"), 401, "unauthorized")
            problem(anyone.get(f"/v1/calendars/iqf_{'A' * 43}/feed.ics"), 404, "not_found")
