"""The public directory: who holds an award today, and what schools share with everybody."""

import base64
import json
import random
from urllib.parse import quote, urlencode

import pytest

from support import steps
from support.at_once import at_once
from support.client import Client
from support.expect import bad_parameter, problem
from support.holding import holding
from support.places import day
from support.resources import FRAMEWORKS
from support.serving import serving

PATH = "/v1/directory"
SHARED = f"{PATH}/contributions"
ISA, COE, FLAGSHIP = FRAMEWORKS
HOLDER = ["school_id", "name", "town", "region", "phase", "award", "since"]


@pytest.fixture
def region(make):
    """Where nobody else is."""
    return make.name("Region")


@pytest.fixture
def listed(anyone, region):
    """What the directory has of the region."""
    def listed(**filters):
        return items_of(anyone, PATH, region=region, **filters)
    return listed


@pytest.fixture
def give(head, make, region):
    """A school of the region with an award, granted so many days ago: (school, award)."""
    def give(level=ISA, ago=100, school=None, **more):
        if school is None:
            school = make.school(region=region, **more)
            if level == COE:  # which needs the other first
                give(ISA, ago, school)
        award = make.award(school_id=school["id"], level=level, framework_id=FRAMEWORKS[level],
                           applied_on=day(-ago))
        for step in ("assess_award", "grant_award"):
            award = steps.take(head, step, award, happened_on=day(-ago))
        return school, award
    return give


def raise_to(stage, level, award):
    """Another award like this one, of a level that takes years to come by."""
    stage.cluster.psql(f"""
        INSERT INTO award (id, version, doc)
        SELECT made.id, 1, document_with(a.doc, json_build_object('id', made.id, 'level', '{level}'))
        FROM (SELECT gen_random_uuid() AS id) AS made, award AS a WHERE a.id = '{award['id']}'""",
        user="iqm_owner")


def target(path, **query):
    return f"{path}?{urlencode(query)}"


def items_of(caller, path, **query):
    response = caller.get(target(path, **query))
    assert response.status == 200, response
    return response.json["items"]


def holder(school, award, ago):
    return dict(zip(HOLDER, [school["id"], school["name"], school.get("town"),
                             school.get("region"), school.get("phase"), award, day(-ago)]))


def walk(caller, path, limits, **query):
    """The items of each page, while the sizes of pages differ."""
    cursor, limits = {}, iter(limits)
    while True:
        limit = next(limits)
        response = caller.get(target(path, limit=limit, **query, **cursor))
        assert response.status == 200, response
        page, link = response.json, response.header("Link")
        assert 0 < len(page["items"]) <= limit
        yield page["items"]
        assert (link is None) == (page["next"] is None)
        if page["next"] is None:
            return
        assert len(page["items"]) == limit
        assert caller.get(link[1:].split(">")[0]).json["items"]
        cursor = {"cursor": page["next"]}


def cursor_with(cursor, key):
    """The same with another key."""
    plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return base64.urlsafe_b64encode(plain[:46] + key).decode().rstrip("=")


class TestHolders:
    def test_of_nowhere(self, listed):
        assert listed() == []

    def test_shows_what_it_says_and_nothing_else(self, listed, give):
        school, _ = give(COE, 400, town="Leeds")
        [found] = listed()
        assert found == holder(school, COE, 400) and list(found) == HOLDER

    def test_of_a_school_with_little(self, listed, give):
        school, _ = give(ISA, 10, phase=None, town=None)
        assert listed() == [holder(school, ISA, 10)]

    def test_the_highest_level(self, listed, give, stage):
        school, _ = give(ISA, 900)
        _, award = give(COE, 300, school)
        assert listed() == listed(level=COE) == [holder(school, COE, 300)]
        raise_to(stage, FLAGSHIP, award)
        assert listed() == [holder(school, FLAGSHIP, 300)]
        assert listed(level=FLAGSHIP) == listed()
        assert listed(level=COE) == listed(level=ISA) == []

    def test_no_application(self, head, make, listed, region):
        award = make.award(school_id=make.school(region=region)["id"])
        steps.take(head, "assess_award", award)
        assert listed() == []

    def test_not_when_the_contract_is_over(self, listed, give):
        give(ISA, 3 * 366)
        assert listed() == []

    def test_contracts_follow_on(self, head, listed, give):
        school, award = give(ISA, 1080)
        steps.take(head, "renew_award", award)
        assert listed() == [holder(school, ISA, 1080)]

    def test_deferred_and_reinstated(self, head, make, listed, give):
        """Meanwhile the school stands with what is below it."""
        school, _ = give(ISA, 900)
        _, award = give(COE, 300, school)
        award = steps.take(head, "defer_award", award, happened_on=day(-100))
        assert listed() == [holder(school, ISA, 900)]
        meeting = make.meeting(held_on=day(-60))
        make.attendance(meeting_id=meeting["id"], school_id=school["id"])
        steps.take(head, "reinstate_award", award, happened_on=day(-50))
        assert listed() == [holder(school, COE, 50)]

    def test_withdrawn_and_given_again(self, head, listed, give):
        school, award = give(ISA, 900)
        steps.take(head, "withdraw_award", award, happened_on=day(-200))
        assert listed() == []
        give(ISA, 20, school)
        assert listed() == [holder(school, ISA, 20)]

    def test_lapsed(self, head, listed, give):
        _, award = give(ISA, 3 * 366)
        steps.take(head, "lapse_award", award)
        assert listed() == []


class TestSchools:
    def test_follow_what_is_written_of_them(self, head, make, listed, give):
        school, _ = give(ISA, 40)
        change = {"name": make.name(), "town": "York", "phase": "Secondary"}
        head.patch(f"/v1/schools/{school['id']}", change, "*")
        assert listed() == [holder({**school, **change}, ISA, 40)]
        head.patch(f"/v1/schools/{school['id']}", {"town": None}, "*")
        assert listed()[0]["town"] is None
        head.patch(f"/v1/schools/{school['id']}", {"region": "Elsewhere"}, "*")
        assert listed() == []

    def test_closed(self, head, listed, give):
        school, _ = give(ISA, 40)
        for status, shown in (("closed", 0), ("open_but_proposed_to_close", 1), ("closed", 0),
                              ("proposed_to_open", 1)):
            head.patch(f"/v1/schools/{school['id']}", {"status": status}, "*")
            assert len(listed()) == shown, status

    @pytest.mark.parametrize("name", [
        "<script>alert('1')</script>", 'Saint "Mary\'s" & Paul\\n', "日本学校", "École", "\U0001f600" * 200,
        "a\tb", "\u202etrop", "%00 $1 :name"])
    def test_with_odd_names(self, name, anyone, listed, give):
        school, _ = give(ISA, 40, name=name, town=name[:100])
        assert listed() == [holder(school, ISA, 40)]
        assert listed(name_prefix=name[:100]) == listed()

    def test_by_name_as_people_sort_them(self, listed, give):
        for name in ("zebra", "Émile", "alpha", "Zoo", "éclair", "Beta"):
            give(name=name)
        assert [item["name"] for item in listed()] == [
            "alpha", "Beta", "éclair", "Émile", "zebra", "Zoo"]

    def test_by_prefix(self, listed, give):
        for name in ("Saint Mary", "SAINT PAUL", "100% School", "1000 Oaks", "A_B", "AXB", "Église"):
            give(name=name)
        for prefix, wanted in (("saint", ["Saint Mary", "SAINT PAUL"]), ("100%", ["100% School"]),
                               ("a_", ["A_B"]), ("éGL", ["Église"]), ("aint", []), ("\\", [])):
            assert [item["name"] for item in listed(name_prefix=prefix)] == wanted, prefix

    def test_by_level_region_and_phase(self, anyone, give, listed, region):
        first, _ = give(COE, 40, phase="Nursery")
        second, _ = give(ISA, 40, phase="Secondary")
        assert listed(phase="Nursery") == [holder(first, COE, 40)]
        assert listed(level=ISA, phase="Secondary") == [holder(second, ISA, 40)]
        assert listed(level=COE, phase="Secondary") == listed(phase="nursery") == []
        assert items_of(anyone, PATH, region=region.lower()) == []


class TestSuccession:
    def test_a_school_is_shown_as_what_it_became(self, head, make, listed, give, region):
        school, _ = give(ISA, 400)
        academy = make.school(region=region, phase="All-through")
        became = make.succession(predecessor_id=school["id"], successor_id=academy["id"])
        assert listed() == [holder(academy, ISA, 400)]
        head.patch(f"/v1/schools/{school['id']}", {"status": "closed"}, "*")
        assert listed() == [holder(academy, ISA, 400)]
        head.delete(f"/v1/successions/{became['id']}", "*")
        assert listed() == []
        head.patch(f"/v1/schools/{school['id']}", {"status": "open"}, "*")
        assert listed() == [holder(school, ISA, 400)]

    def test_through_several(self, make, head, listed, give, region):
        """Whichever is recorded first; of two that became one, the better award counts."""
        first, _ = give(ISA, 400)
        second, last = make.school(region=region), make.school(region=region)
        make.succession(predecessor_id=second["id"], successor_id=last["id"])
        became = make.succession(predecessor_id=first["id"], successor_id=second["id"])
        assert listed() == [holder(last, ISA, 400)]
        other, _ = give(COE, 300)
        make.succession(predecessor_id=other["id"], successor_id=last["id"])
        assert listed() == [holder(last, COE, 300)]
        third = make.school(region=region)
        head.patch(f"/v1/successions/{became['id']}", {"successor_id": third["id"]}, "*")
        assert sorted(listed(), key=lambda item: item["since"]) == [
            holder(third, ISA, 400), holder(last, COE, 300)]

    def test_in_two_is_shown_twice(self, make, listed, give, region):
        school, _ = give(ISA, 400)
        parts = [make.school(region=region) for _ in range(2)]
        for part in parts:
            make.succession(predecessor_id=school["id"], successor_id=part["id"])
        assert listed() == [holder(part, ISA, 400) for part in parts]

    def test_and_what_comes_after(self, head, make, listed, give, region):
        """Steps of an award that still names the school that was; and awards of both together."""
        school, award = give(ISA, 400)
        academy = make.school(region=region)
        make.succession(predecessor_id=school["id"], successor_id=academy["id"])
        give(ISA, 100, academy)
        assert listed() == [holder(academy, ISA, 400)]
        steps.take(head, "withdraw_award", award, happened_on=day(-50))
        assert listed() == [holder(academy, ISA, 400)]

    def test_moving_the_award(self, head, make, listed, give, region):
        school, award = give(ISA, 400)
        academy = make.school(region=region)
        became = make.succession(predecessor_id=school["id"], successor_id=academy["id"])
        head.patch(f"/v1/awards/{award['id']}", {"school_id": academy["id"]}, "*")
        assert listed() == [holder(academy, ISA, 400)]
        head.delete(f"/v1/successions/{became['id']}", "*")
        assert listed() == [holder(academy, ISA, 400)]

    def test_what_it_became_is_closed(self, make, listed, give, region):
        school, _ = give(ISA, 400)
        closed = make.school(region=region, status="closed")
        make.succession(predecessor_id=school["id"], successor_id=closed["id"])
        assert listed() == []

    def test_in_a_circle(self, make, listed, give, region):
        school, _ = give(ISA, 400)
        other = make.school(region=region)
        for ends in ((school, other), (other, school)):
            make.succession(predecessor_id=ends[0]["id"], successor_id=ends[1]["id"])
        assert listed() == []


class TestKeeping:
    """The lines are kept beside the records: whatever comes at once, they say the same."""

    @pytest.mark.parametrize("turn", range(4))
    def test_at_the_same_time(self, turn, head, make, listed, region):
        """Two awards granted, the school renamed, and what it became recorded."""
        school, academy = make.school(region=region), make.school(region=region)
        awards = [make.award(school_id=school["id"], level=level, framework_id=FRAMEWORKS[level],
                             applied_on=day(-90)) for level in (ISA, COE)]
        awards = [steps.take(head, "assess_award", award, happened_on=day(-90)) for award in awards]
        name = make.name()
        work = [lambda own, award=award: steps.attempt(own, "grant_award", award,
                                                       happened_on=day(-90)) for award in awards]
        work += [
            lambda own: own.patch(f"/v1/schools/{academy['id']}", {"name": name}, "*"),
            lambda own: own.post("/v1/successions", make.example(
                "succession", predecessor_id=school["id"], successor_id=academy["id"]))]
        statuses = at_once(head, work)
        assert statuses[0] == 200 and statuses[2:] == [200, 201], statuses
        wanted = COE if statuses[1] == 200 else ISA  # the one may need the other first
        assert listed() == [holder({**academy, "name": name}, wanted, 90)]

    def test_gives_way_to_who_holds_the_school(self, head, make, stage, listed, region):
        """As an import does, which may want more schools: whoever lists one does not wait for it, also where
        the server would wait for the database for longer than the test does."""
        school = make.school(region=region)
        award = steps.take(head, "assess_award", make.award(school_id=school["id"]))
        row = f"SELECT FROM school WHERE id = '{school['id']}' FOR NO KEY UPDATE"
        with serving(stage, IQM_DATABASE_TIMEOUT=60000) as server, holding(stage.cluster, row):
            own = Client(server.port, head.token)
            problem(steps.attempt(own, "grant_award", award), 503, "service_unavailable")
            own.close()
        assert listed() == []
        steps.take(head, "grant_award", award)
        assert len(listed()) == 1

    def test_it_is_what_the_records_say(self, stage, give):
        """All of them, whatever the other tests made of them."""
        give()
        columns = "school_id, level, held, shown, closed, name, town, region, phase"
        assert stage.cluster.psql(f"""
            WITH said AS (
                SELECT s.id AS school_id, l.level, l.held, l.shown, s.status = 'closed' AS closed,
                    s.name, s.doc->>'town' AS town, s.region, s.phase
                FROM school AS s, lines_in_directory(s.id) AS l
                WHERE s.id = ANY (ends_of(ARRAY[s.id])) AND l.shown <> '{{}}'
            ), kept AS (SELECT {columns} FROM directory_line)
            (SELECT * FROM said EXCEPT SELECT * FROM kept)
            UNION ALL (SELECT * FROM kept EXCEPT SELECT * FROM said)""", user="iqm_owner") == ""

    def test_is_kept_from_the_server_itself(self, stage):
        done = stage.cluster.psql("SELECT * FROM directory_line", user="iqm_server", check=False)
        assert "permission denied" in done.stderr


class TestPages:
    @pytest.fixture
    def holders(self, give):
        names = ["Ash", "Beech", "Beech", "Beech", "Cedar", "Elm", "Fir", "Oak", "Yew"]
        return [give(name=name)[0] for name in names]

    @pytest.mark.parametrize("limits", [[1], [2], [3], [8], [9], [10], [200], [1, 4, 2, 3],
                                        [4, 1, 200]])
    def test_of_any_sizes_give_the_same(self, limits, anyone, holders, region):
        met = [item["school_id"] for page in walk(anyone, PATH, limits * 9, region=region)
               for item in page]
        wanted = sorted(holders, key=lambda school: (school["name"], school["id"]))
        assert met == [school["id"] for school in wanted]

    def test_filters_go_along(self, anyone, give, region):
        for level in (ISA, COE) * 4:
            give(level)
        for filters in ({"level": COE}, {"level": ISA, "phase": "Primary"}, {"name_prefix": "sch"}):
            pages = list(walk(anyone, PATH, [1, 2] * 9, region=region, **filters))
            assert len([i for page in pages for i in page]) == (8 if "level" not in filters else 4)

    def test_what_comes_and_goes_meanwhile(self, anyone, head, give, region):
        """What stays is met once, nothing twice."""
        chance = random.Random(3)
        made, met = [give(name=chance.choice("abc")) for _ in range(10)], []
        gone, stayed = iter(made[:5]), made[5:]
        for page in walk(anyone, PATH, [1, 2, 3] * 9, region=region):
            met += [item["school_id"] for item in page]
            if (leaver := next(gone, None)) is not None:
                steps.take(head, "withdraw_award", leaver[1])
                give(name=chance.choice("abc"))
        assert len(met) == len(set(met)) and {school["id"] for school, _ in stayed} <= set(met)

    def test_the_next_page_of_the_longest_names(self, anyone, give, region):
        prefix = "\U0001f600" * 100
        for letter in "ab":
            give(name=prefix + "\U0001f600" * 99 + letter)
        pages = list(walk(anyone, PATH, [1] * 3, region=region, name_prefix=prefix))
        assert len(pages) == 2

    @pytest.mark.parametrize("path", [PATH, SHARED])
    def test_a_cursor_is_for_its_own_list(self, path, anyone, holders, shared, region):
        shared(), shared()
        cursors = {PATH: anyone.get(target(PATH, limit=1, region=region)).json["next"],
                   SHARED: anyone.get(target(SHARED, limit=1)).json["next"]}
        own = {"region": region} if path == PATH else {}
        other = cursors[SHARED if path == PATH else PATH]
        narrower = {"level": ISA} if path == PATH else {"kind": "visit"}
        bad_parameter(anyone.get(target(path, cursor=other, **own)), "cursor")
        bad_parameter(anyone.get(target(path, cursor=cursors[path], **own, **narrower)), "cursor")
        assert anyone.get(target(path, cursor=cursors[path], **own, limit=200)).status == 200

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "A" * 1200, "A" * 1201, "%00", "=", "****", "é"])
    @pytest.mark.parametrize("path", [PATH, SHARED])
    def test_a_cursor_that_is_none(self, cursor, path, anyone):
        response = anyone.get(f"{path}?cursor={quote(cursor, safe='%')}")
        assert response.status == 400, response

    @pytest.mark.parametrize("key", [b"tomorrow", b"", b"2025-02-30", b"infinity", b"'", b"9" * 300,
                                     b"2025-01-01 BC", b"\x00", b"2025-01-01\x00", b"2025-01-01"])
    def test_a_cursor_made_by_hand(self, key, anyone, holders, shared, region):
        shared(), shared()
        given = anyone.get(target(PATH, limit=1, region=region)).json["next"]
        made = anyone.get(target(PATH, region=region, cursor=cursor_with(given, key)))
        assert made.status == (400 if b"\x00" in key else 200), made
        given = anyone.get(target(SHARED, limit=1)).json["next"]
        made = anyone.get(target(SHARED, cursor=cursor_with(given, key)))
        if key == b"2025-01-01":
            assert made.status == 200, made
        else:
            bad_parameter(made, "cursor")

    def test_a_cursor_that_was_changed(self, anyone, holders, region):
        chance = random.Random(8)
        cursor = anyone.get(target(PATH, limit=1, region=region)).json["next"]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for _ in range(100):
            at = chance.randrange(len(cursor))
            changed = cursor[:at] + chance.choice(letters) + cursor[at + 1:]
            response = anyone.get(target(PATH, limit=1, region=region, cursor=changed))
            assert response.status in (200, 400), response

    @pytest.mark.parametrize("path, query, name", [
        *((path, query, name) for path in (PATH, SHARED) for query, name in (
            ("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("cursor=", "cursor"),
            ("sort=name", "sort"))),
        (PATH, "level=gold", "level"), (PATH, "region=", "region"), (PATH, "phase=", "phase"),
        (PATH, "name_prefix=", "name_prefix"), (PATH, "name_prefix=" + "a" * 101, "name_prefix"),
        (PATH, "kind=visit", "kind"), (SHARED, "kind=talk", "kind"),
        (SHARED, "school_id=1", "school_id"), (SHARED, "visibility=cluster", "visibility")])
    def test_refuses(self, path, query, name, anyone):
        refused = anyone.get(f"{path}?{query}")
        bad_parameter(refused, name)
        assert refused.header("Cache-Control") == "no-store" and refused.header("ETag") is None

    def test_no_text_is_taken_for_sql(self, anyone):
        for text in ("' OR '1'='1", "'; DROP TABLE school; --", "$1", "\\'", "%27"):
            for name in ("region", "phase", "name_prefix"):
                assert items_of(anyone, PATH, **{name: text}) == []


@pytest.fixture
def shared(make):
    """A contribution that everybody may read, of one school."""
    school = make.school(town="Leeds")

    def shared(**members):
        return make.contribution(**{"school_id": school["id"], "visibility": "public", **members})
    shared.school = school
    return shared


def as_public(record, school):
    return {"id": record["id"], "school_id": school["id"], "school_name": school["name"],
            "town": school.get("town"), "kind": record["kind"], "title": record["title"],
            "description": record["description"], "happened_on": record["happened_on"],
            "impact": record.get("impact")}


class TestContributions:
    def of(self, anyone, shared, **query):
        return items_of(anyone, SHARED, school_id=shared.school["id"], **query)

    def test_shows_what_it_says_and_nothing_else(self, anyone, shared):
        made = [shared(title="<b>Öl & \"Ton\"</b>\\"), shared(impact=None)]
        wanted = [as_public(record, shared.school) for record in made[::-1]]
        found = self.of(anyone, shared)
        assert found == wanted and list(found[0]) == list(wanted[0])
        assert self.of(anyone, shared, limit=1) == wanted[:1]
        assert items_of(anyone, SHARED, limit=200)

    @pytest.mark.parametrize("visibility", ["cluster", "programme"])
    def test_not_what_is_for_others(self, visibility, head, anyone, shared):
        made = shared(visibility=visibility)
        assert self.of(anyone, shared) == []
        head.patch(f"/v1/contributions/{made['id']}", {"visibility": "public"}, "*")
        assert [item["id"] for item in self.of(anyone, shared)] == [made["id"]]
        head.patch(f"/v1/contributions/{made['id']}", {"visibility": visibility}, "*")
        assert self.of(anyone, shared) == []

    def test_a_token_opens_no_more(self, world, make):
        school = world.schools["own"]
        make.contribution(school_id=school["id"], visibility="programme")
        for caller in world.callers.values():
            items = items_of(caller, SHARED, school_id=school["id"])
            assert items == items_of(world.callers["anonymous"], SHARED, school_id=school["id"])
            problem(world.callers["anonymous"].get("/v1/contributions"), 401, "unauthorized")

    def test_follows_what_is_written(self, head, anyone, shared):
        made = shared()
        head.patch(f"/v1/contributions/{made['id']}", {"title": "Another"}, "*")
        school = head.patch(f"/v1/schools/{shared.school['id']}", {"name": "Renamed"}, "*").json
        assert self.of(anyone, shared) == [as_public({**made, "title": "Another"}, school)]
        head.delete(f"/v1/contributions/{made['id']}", "*")
        assert self.of(anyone, shared) == []

    def test_by_kind(self, anyone, shared):
        visit, _ = shared(kind="visit"), shared(kind="training")
        assert [item["id"] for item in self.of(anyone, shared, kind="visit")] == [visit["id"]]
        assert all(i["kind"] == "visit" for i in items_of(anyone, SHARED, kind="visit", limit=200))

    @pytest.mark.parametrize("limits", [[1], [2], [3], [200], [1, 4, 2], [3, 1, 200]])
    def test_pages_of_any_sizes_give_the_same(self, limits, anyone, shared):
        days = ["2025-11-12", "2024-02-29", "2025-11-12", "2026-01-01", "2025-11-12", "2024-03-01"]
        made = sorted((shared(happened_on=day) for day in days),
                      key=lambda record: (record["happened_on"], record["id"]), reverse=True)
        met = [item["id"] for page in walk(anyone, SHARED, limits * 9,
                                           school_id=shared.school["id"]) for item in page]
        assert met == [record["id"] for record in made]

    def test_a_page_too_large_ends_early(self, anyone, shared):
        long = "\U0001f600" * 10000
        made = [shared(description=long, impact=long)["id"] for _ in range(60)]
        path = target(SHARED, school_id=shared.school["id"], limit=200)
        first = anyone.get(path).json
        assert 1 < len(first["items"]) < 60
        rest = anyone.get(f"{path}&cursor={first['next']}").json
        assert [i["id"] for i in first["items"] + rest["items"]] == made[::-1]
        lines = anyone.get(path + "&format=ndjson").text.splitlines()
        assert [json.loads(line)["id"] for line in lines] == made[::-1]


class TestCaches:
    @pytest.fixture(params=[PATH, SHARED])
    def path(self, request, give, shared, region):
        """Of a list with something on it that no other test changes."""
        if request.param == PATH:
            give()
            return target(PATH, region=region)
        shared()
        return target(SHARED, school_id=shared.school["id"])

    def test_may_keep_it(self, path, anyone):
        for method in ("GET", "HEAD"):
            response = anyone.request(method, path)
            assert response.status == 200
            assert response.header("Cache-Control") == "public, max-age=300"
            assert response.header("ETag").startswith('"')
            assert response.header("Vary") == "Accept-Encoding, Accept"

    def test_are_told_when_nothing_changed(self, path, anyone):
        etag = anyone.get(path).header("ETag")
        assert anyone.get(path).header("ETag") == etag
        for held in (etag, f'"other", {etag}', f"W/{etag}", "*", etag[:-1] + '.gz"'):
            response = anyone.get(path, headers={"If-None-Match": held})
            assert (response.status, response.body) == (304, b""), held
            assert response.header("ETag") == etag
            assert response.header("Cache-Control") == "public, max-age=300"
        for held in ('"other"', '"1"'):
            assert anyone.get(path, headers={"If-None-Match": held}).status == 200

    def test_are_told_when_something_did(self, path, anyone, head):
        before = anyone.get(path)
        head.patch(f"/v1/schools/{before.json['items'][0]['school_id']}", {"town": "Hull"}, "*")
        after = anyone.get(path, headers={"If-None-Match": before.header("ETag")})
        assert after.status == 200 and after.header("ETag") != before.header("ETag")

    def test_a_condition_does_not_disturb_the_cursor(self, anyone, give, region):
        give(), give()
        path = target(PATH, region=region, limit=1)
        cursor = anyone.get(path, headers={"If-None-Match": '"x"'}).json["next"]
        assert anyone.get(f"{path}&cursor={cursor}").status == 200

    def test_compressed_is_a_version_of_its_own(self, anyone, give, region):
        for _ in range(8):
            give()
        response = anyone.get(target(PATH, region=region), headers={"Accept-Encoding": "gzip"})
        assert response.header("Content-Encoding") == "gzip"
        assert response.header("ETag").endswith('.gz"')

    def test_a_condition_that_is_none(self, path, anyone):
        bad_parameter(anyone.get(path, headers={"If-None-Match": "1"}), "If-None-Match")

    def test_a_bad_token_is_no_hindrance(self, path, server):
        stranger = Client(server.port, "iqm_" + "A" * 43)
        assert stranger.get(path).status == 200
        stranger.close()


class TestPagesOfAnyOrigin:
    def test_may_read_it(self, anyone):
        for path in (PATH, SHARED):
            for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"},
                            {"Origin": "https://app.example"}):
                response = anyone.get(path, headers=headers)
                assert response.header("Access-Control-Allow-Origin") == "*"
                assert "ETag" in response.header("Access-Control-Expose-Headers")
                assert response.header("Access-Control-Allow-Credentials") is None

    def test_and_what_was_wrong(self, anyone):
        response = anyone.get(f"{PATH}?limit=0", headers={"Origin": "https://evil.example"})
        assert (response.status, response.header("Access-Control-Allow-Origin")) == (400, "*")

    def test_preflight(self, anyone):
        response = anyone.request("OPTIONS", PATH, headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "if-none-match"})
        assert (response.status, response.header("Access-Control-Allow-Origin")) == (204, "*")
        assert "If-None-Match" in response.header("Access-Control-Allow-Headers")
        assert response.header("Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS"

    def test_of_nothing_else(self, anyone):
        for path in ("/v1/contributions", "/openapi.json", "/oauth/token", "/v1/directory/x"):
            response = anyone.get(path, headers={"Origin": "https://evil.example"})
            assert response.header("Access-Control-Allow-Origin") is None, path

    def test_other_methods(self, anyone):
        response = anyone.post(PATH, {})
        problem(response, 405, "method_not_allowed")
        assert response.header("Cache-Control") == "no-store"
