"""What schools share: who sees it, how it is found, and what holds for it."""

import base64
import random
import uuid
from urllib.parse import urlencode

import pytest

from support.at_once import at_once
from support.expect import bad_parameter, invalid, problem
from support.places import day
from support.resources import FRAMEWORKS

PATH = "/v1/contributions"


@pytest.fixture
def word(make):
    """A word that no other test writes."""
    return f"zz{make.number()}zz"


def search(caller, q, **filters):
    response = caller.get(f"{PATH}/search?{urlencode({'q': q, **filters})}")
    assert response.status == 200, response
    return response.json


def found(caller, q, **filters):
    """The ids of what is found, best first."""
    return [item["contribution"]["id"] for item in search(caller, q, **filters)["items"]]


def all_pages(caller, q, **filters):
    page = search(caller, q, **filters)
    yield page
    while page["next"] is not None:
        page = search(caller, q, cursor=page["next"], **filters)
        yield page


def copies(stage, record, count, changes=""):
    """So many more like this one, with these members as arguments of json_build_object."""
    more = ", " + changes if changes else ""
    stage.cluster.psql(f"""
        INSERT INTO contribution (id, version, doc)
        SELECT made.id, 1, document_with(c.doc, json_build_object('id', made.id{more}))
        FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {count})) AS made,
            contribution AS c WHERE c.id = '{record['id']}'""", user="iqm_owner")


def shared(make, school, word, **members):
    return make.contribution(school_id=school["id"], description=f"About {word}.", **members)


class TestRules:
    def test_the_academic_year_follows_the_day(self, head, make):
        made = make.contribution(happened_on="2025-08-31")
        assert made["academic_year"] == "2024/25"
        path = f"{PATH}/{made['id']}"
        assert head.patch(path, {"happened_on": "2025-09-01"}, "*").json["academic_year"] == "2025/26"
        invalid(head.patch(path, {"academic_year": "2024/25"}, "*"), "/academic_year")

    def test_a_school_is_no_partner_of_itself(self, head, make):
        body = make.example("contribution")
        other = body["partner_school_ids"][0]
        invalid(head.post(PATH, {**body, "partner_school_ids": [other, body["school_id"]]}),
                "/partner_school_ids/1")
        assert head.post(PATH, {**body, "partner_school_ids": [other]}).status == 201

    def test_partners_are_schools(self, head, make):
        body = make.example("contribution", partner_school_ids=[str(uuid.uuid4())])
        invalid(head.post(PATH, body), "/partner_school_ids")
        made = make.contribution()
        change = {"partner_school_ids": [*made["partner_school_ids"], str(uuid.uuid4())]}
        invalid(head.patch(f"{PATH}/{made['id']}", change, "*"), "/partner_school_ids")
        assert head.get(f"{PATH}/{made['id']}").json == made

    def test_partners_are_named_once(self, head, make):
        body = make.example("contribution")
        invalid(head.post(PATH, {**body, "partner_school_ids": body["partner_school_ids"] * 2}),
                "/partner_school_ids/1")

    def test_the_school_is_one(self, head, make):
        invalid(head.post(PATH, make.example("contribution", school_id=str(uuid.uuid4()))),
                "/school_id")

    def test_partners_may_be_left_out(self, head, make):
        body = make.example("contribution")
        del body["partner_school_ids"]
        assert head.post(PATH, body).status == 201

    @pytest.mark.parametrize("end", ["taken out", "left out", "deleted"])
    def test_a_partner_is_not_deleted(self, end, head, make):
        made = make.contribution()
        path, school = f"{PATH}/{made['id']}", f"/v1/schools/{made['partner_school_ids'][0]}"
        problem(head.delete(school, "*"), 409, "conflict")
        problem(head.delete(f"/v1/schools/{made['school_id']}", "*"), 409, "conflict")
        if end == "deleted":
            assert head.delete(path, "*").status == 204
        else:
            change = {"partner_school_ids": None if end == "left out" else [make.school()["id"]]}
            if end == "left out":
                body = {k: v for k, v in made.items() if k != "partner_school_ids"}
                assert head.put(path, body, headers={"If-Match": "*"}).status == 200
            else:
                assert head.patch(path, change, "*").status == 200
        assert head.delete(school, "*").status == 204


def criterion(level, code):
    return {"framework_id": FRAMEWORKS[level], "code": code}


class TestCriteria:
    """What a contribution evidences."""

    GOOD = [criterion("flagship", "sharing"), criterion("flagship", "research"),
            criterion("centre_of_excellence", "research")]

    @pytest.mark.parametrize("criteria", [GOOD, GOOD[::-1], GOOD[:1], []])
    def test_stand_as_they_were_sent(self, criteria, head, make):
        made = make.contribution(criteria=criteria)
        assert made["criteria"] == criteria
        assert head.get(f"{PATH}/{made['id']}").json == made

    def test_may_be_left_out(self, head, make):
        body = make.example("contribution")
        del body["criteria"]
        made = head.post(PATH, body)
        assert made.status == 201 and "criteria" not in made.json
        path = f"{PATH}/{made.json['id']}"
        assert head.patch(path, {"criteria": self.GOOD}, "*").json["criteria"] == self.GOOD
        assert "criteria" not in head.patch(path, {"criteria": None}, "*").json

    def test_each_fault_has_its_place(self, head, make):
        nowhere = {"framework_id": str(uuid.uuid4()), "code": "research"}
        criteria = [self.GOOD[0], criterion("flagship", "action_plan"), nowhere, self.GOOD[0],
                    criterion("inclusive_school_award", "research"), self.GOOD[2], nowhere]
        wanted = ("/criteria/1/code", "/criteria/2/framework_id", "/criteria/3",
                  "/criteria/4/code", "/criteria/6")
        invalid(head.post(PATH, make.example("contribution", criteria=criteria)), *wanted)
        made = make.contribution()
        path = f"{PATH}/{made['id']}"
        invalid(head.patch(path, {"criteria": criteria}, "*"), *wanted)
        invalid(head.put(path, {**made, "criteria": criteria}, headers={"If-Match": "*"}), *wanted)
        assert head.get(path).json == made

    def test_beside_other_faults(self, head, make):
        body = make.example("contribution", criteria=[criterion("flagship", "none")])
        invalid(head.post(PATH, {**body, "partner_school_ids": [body["school_id"]]}),
                "/criteria/0/code", "/partner_school_ids/0")

    @pytest.mark.parametrize("criteria, pointer", [
        ([{"framework_id": FRAMEWORKS["flagship"]}], "/criteria/0/code"),
        ([{"code": "ethos"}], "/criteria/0/framework_id"),
        ([{"framework_id": "1", "code": "ethos"}], "/criteria/0/framework_id"),
        ([criterion("flagship", "Ethos")], "/criteria/0/code"),
        ([criterion("flagship", "")], "/criteria/0/code"),
        ([{**criterion("flagship", "ethos"), "title": "Ethos"}], "/criteria/0/title"),
        (["ethos"], "/criteria/0"), ("ethos", "/criteria"), ({}, "/criteria"),
        ([criterion("flagship", f"c{n}") for n in range(21)], "/criteria")])
    def test_have_a_form(self, criteria, pointer, head, make):
        invalid(head.post(PATH, make.example("contribution", criteria=criteria)), pointer)

    def test_twenty_of_them(self, head, make):
        codes = [f"c{n}" for n in range(20)]
        framework = make.framework(criteria=[
            {"code": code, "kind": "criterion", "title": code} for code in codes])
        criteria = [{"framework_id": framework["id"], "code": code} for code in codes]
        assert make.contribution(criteria=criteria)["criteria"] == criteria

    @pytest.mark.parametrize("role", ["school", "head_office"])
    def test_whoever_writes_names_them(self, role, world):
        caller, body = world.callers[role], world.body("contribution", "own")
        assert caller.post(PATH, {**body, "criteria": self.GOOD}).status == 201
        invalid(caller.post(PATH, {**body, "criteria": [criterion("flagship", "none")]}),
                "/criteria/0/code")

    @pytest.mark.parametrize("role, status", [("ambassador", 403), ("client", 403),
                                              ("anonymous", 401)])
    def test_who_may_not_write_is_told_only_that(self, role, status, world):
        body = world.body("contribution", "own")
        for criteria in (self.GOOD, [criterion("flagship", "none")], []):
            response = world.callers[role].post(PATH, {**body, "criteria": criteria})
            assert response.status == status, response

    @pytest.mark.parametrize("end", ["others", "left out", "deleted"])
    def test_their_framework_is_not_deleted(self, end, head, make):
        framework = make.framework()
        made = make.contribution(criteria=[{"framework_id": framework["id"], "code": code}
                                           for code in ("ethos", "meetings")])
        path, held = f"{PATH}/{made['id']}", f"/v1/frameworks/{framework['id']}"
        assert "contributions" in problem(head.delete(held, "*"), 409, "conflict")["detail"]
        head.patch(path, {"criteria": made["criteria"][:1]}, "*")
        problem(head.delete(held, "*"), 409, "conflict")
        if end == "deleted":
            assert head.delete(path, "*").status == 204
        else:
            change = {"criteria": self.GOOD if end == "others" else None}
            assert head.patch(path, change, "*").status == 200
        assert head.delete(held, "*").status == 204

    def test_one_that_stood_there_stays_good(self, head, make):
        """A framework that is not in use yet can lose one; what named it can still be changed."""
        ethos, care = ({"code": code, "kind": "criterion", "title": code} for code in
                       ("ethos", "care"))
        framework = make.framework(starts_on=day(30), ends_on=None, criteria=[ethos, care])
        named = [{"framework_id": framework["id"], "code": code} for code in ("ethos", "care")]
        path = f"{PATH}/{make.contribution(criteria=named)['id']}"
        assert head.patch(f"/v1/frameworks/{framework['id']}", {"criteria": [care]}, "*").status == 200
        assert head.patch(path, {"title": "Later"}, "*").status == 200
        assert head.patch(path, {"criteria": named[:1]}, "*").status == 200
        assert head.patch(path, {"criteria": named[1:]}, "*").status == 200
        invalid(head.patch(path, {"criteria": named}, "*"), "/criteria/0/code")

    def test_a_framework_that_goes_meanwhile(self, head, make, stage):
        """After the rules have asked: the table holds it."""
        for _ in range(6):
            framework = make.framework()
            body = make.example("contribution", criteria=[
                {"framework_id": framework["id"], "code": "ethos"}])
            statuses = at_once(head, [
                lambda own: own.post(PATH, body),
                lambda own: own.delete(f"/v1/frameworks/{framework['id']}", "*")])
            assert statuses in ([201, 409], [422, 204]), statuses
        assert stage.cluster.psql("""
            SELECT c.id FROM contribution AS c, json_array_elements(c.doc->'criteria') AS one
            WHERE NOT EXISTS (SELECT FROM framework WHERE id = (one->>'framework_id')::uuid)
              OR NOT EXISTS (SELECT FROM contribution_framework AS f WHERE f.holder_id = c.id
                AND f.held_id = (one->>'framework_id')::uuid)""", user="iqm_owner") == ""

    def test_are_not_shown_to_the_public(self, anyone, make):
        made = make.contribution(visibility="public")
        found = anyone.get(f"/v1/directory/contributions?school_id={made['school_id']}").json
        assert "criteria" not in found["items"][0]


class TestSight:
    @pytest.mark.parametrize("visibility, seen", [
        ("cluster", False), ("programme", True), ("public", True)])
    def test_how_far_it_is_shown(self, visibility, seen, world, make, word):
        made = shared(make, world.schools["foreign"], word, visibility=visibility)
        for role in ("ambassador", "school"):
            caller = world.callers[role]
            assert caller.get(f"{PATH}/{made['id']}").status == (200 if seen else 404)
            listed = caller.get(f"{PATH}?school_id={made['school_id']}&limit=200").json["items"]
            assert (made in listed) == seen
            assert found(caller, word) == ([made["id"]] if seen else [])
        for role in ("head_office", "client"):
            assert found(world.callers[role], word) == [made["id"]]

    def test_a_foreign_schools_own_is_never_found(self, world, make, word):
        """Beside one that is: neither it nor that it matches."""
        hidden = shared(make, world.schools["foreign"], word)
        mine = shared(make, world.schools["own"], word)
        neighbours = shared(make, world.schools["same"], word)
        for role in ("ambassador", "school"):
            answer = search(world.callers[role], word)
            assert {item["contribution"]["id"] for item in answer["items"]} == \
                {mine["id"], neighbours["id"]}
            assert (answer["ranked"], answer["complete"]) == (2, True)
        coordinator = world.coordinators["foreign"].client
        assert found(coordinator, word) == [hidden["id"]]

    def test_of_clusters_led_before_is_not_found(self, world, make, word):
        for when in ("past", "future"):
            shared(make, world.schools[when], word)
        assert found(world.ambassador.client, word) == []

    def test_follows_the_school_to_another_cluster(self, world, head, make, word):
        school = make.school(cluster_id=world.clusters["foreign"]["id"])
        made = shared(make, school, word)
        path = f"{PATH}/{made['id']}"
        for place, seen in (("own", True), ("foreign", False)):
            assert head.patch(f"/v1/schools/{school['id']}",
                              {"cluster_id": world.clusters[place]["id"]}, "*").status == 200
            for role in ("ambassador", "school"):
                assert world.callers[role].get(path).status == (200 if seen else 404)
                assert found(world.callers[role], word) == ([made["id"]] if seen else [])
        assert head.get(path).json == made

    def test_a_school_without_a_cluster_sees_its_own(self, world, make, word):
        school = make.school()
        coordinator = world.people.coordinator(school).client
        made = shared(make, school, word)
        assert coordinator.get(f"{PATH}/{made['id']}").status == 200
        assert found(coordinator, word) == [made["id"]]

    @pytest.mark.parametrize("roles, actor", [
        ("", ""), ("{}", ""), ("{nobody}", ""), ("{ambassador,school}", ""),
        ("{school}", "ambassador"), ("{ambassador}", "school")])
    def test_nobody_sees_what_everybody_of_the_programme_sees(self, roles, actor, world, make,
                                                               stage, word):
        shared(make, world.schools["own"], word, visibility="public")
        account = {"ambassador": world.ambassador.account["id"],
                   "school": world.coordinators["own"].account["id"]}.get(actor, "")
        become = f"SET iqm.roles = '{roles}'; SET iqm.actor = '{account}'; "
        for sql in ("SELECT count(*) FROM contribution", "SELECT count(*) FROM search_contributions("
                    f"websearch_to_tsquery('english', '{word}'), '{{}}', NULL, 10, NULL)"):
            assert stage.cluster.psql(become + sql, user="iqm_server") == "0"


class TestWriting:
    def test_a_school_writes_its_own(self, world, word):
        caller = world.callers["school"]
        made = caller.post(PATH, world.body("contribution", "own")).json
        path = f"{PATH}/{made['id']}"
        assert caller.patch(path, {"impact": word}, "*").json["impact"] == word
        assert found(caller, word) == [made["id"]]
        assert caller.delete(path, "*").status == 204
        assert found(caller, word) == []

    def test_and_cannot_give_it_away(self, world, head):
        made = world.fresh("contribution", "own")
        for place in ("same", "foreign"):
            problem(world.callers["school"].patch(
                f"{PATH}/{made['id']}", {"school_id": world.schools[place]["id"]}, "*"),
                403, "record_forbidden")
        assert head.get(f"{PATH}/{made['id']}").json == made

    def test_shown_to_all_is_still_the_schools_to_change(self, world, make, word):
        made = shared(make, world.schools["foreign"], word, visibility="public")
        for role, name in (("ambassador", "forbidden"), ("school", "record_forbidden")):
            problem(world.callers[role].patch(f"{PATH}/{made['id']}", {"title": "Mine"}, "*"),
                    403, name)


class TestSearch:
    def test_finds_words_of_the_same_stem_in_each_text(self, head, make, word):
        made = make.contribution(title=f"Meetings {word}", description="Planned together.",
                                 impact="Classes calm down.")
        for other in ("meet", "PLAN", "planning together", "class", "calming"):
            assert found(head, f"{word} {other}") == [made["id"]], other
        for other in ("met", "meet plant"):
            assert found(head, f"{word} {other}") == [], other

    def test_the_title_weighs_most(self, head, make, word):
        texts = {"title": f"On {word}", "description": f"On {word}", "impact": f"On {word}"}
        made = {member: make.contribution(**{"title": "A", "description": "B", "impact": "C",
                                             member: text})["id"] for member, text in texts.items()}
        assert found(head, word) == [made["title"], made["description"], made["impact"]]
        ranks = [item["rank"] for item in search(head, word)["items"]]
        assert ranks == sorted(ranks, reverse=True) and ranks[0] > ranks[2] > 0

    def test_takes_words_as_people_type_them(self, head, make, word):
        first = make.contribution(title=f"{word} quiet room")["id"]
        second = make.contribution(title=f"{word} room that is quiet and green")["id"]
        for q, ids in ((f'{word} "quiet room"', {first}), (f"{word} -green", {first}),
                       (f"{word} green", {second}), (f"{word} quiet or {word} green", {first, second}),
                       (f'{word} "', {first, second}), (f"{word} & | ! ( ) : * ' \\", {first, second})):
            assert set(found(head, q)) == ids, q

    @pytest.mark.parametrize("q", ["the", "and of", "-", "'", '""', "#open", "#0:0", "#kind=practice",
                                   "-noise", "-noise -dust", "-noise or reading"])
    def test_finds_nothing_without_a_word(self, q, head):
        assert search(head, q) == {"items": [], "ranked": 0, "complete": True, "next": None}

    def test_filters(self, head, make, word):
        region = f"Region o'{make.number()} \\ 'x'"
        cluster = make.cluster(region=region)
        school = make.school(cluster_id=cluster["id"], phase="Nursery")
        made = shared(make, school, word, kind="visit", happened_on="2020-01-10")
        others = [shared(make, make.school(), word, happened_on="2021-09-01")["id"]]
        assert set(found(head, word)) == {made["id"], *others}
        for filters in ({"kind": "visit"}, {"phase": "Nursery"}, {"region": region},
                        {"academic_year": "2019/20"},
                        {"kind": "visit", "phase": "Nursery", "region": region,
                         "academic_year": "2019/20"}):
            assert found(head, word, **filters) == [made["id"]], filters
        for filters in ({"kind": "support"}, {"phase": "nursery"}, {"region": "Region"},
                        {"academic_year": "1919/20"}, {"kind": "visit", "phase": "Primary"}):
            assert found(head, word, **filters) == [], filters

    def test_filters_follow_school_and_cluster(self, head, make, word):
        before, after = (f"Region {make.number()}" for _ in range(2))
        cluster, other = make.cluster(region=before), make.cluster(region=after)
        school = make.school(cluster_id=cluster["id"], phase="Nursery")
        made = [shared(make, school, word)["id"]]
        head.patch(f"/v1/clusters/{cluster['id']}", {"region": "Elsewhere"}, "*")
        assert (found(head, word, region=before), found(head, word, region="Elsewhere")) == ([], made)
        head.patch(f"/v1/schools/{school['id']}", {"cluster_id": other["id"]}, "*")
        assert (found(head, word, region="Elsewhere"), found(head, word, region=after)) == ([], made)
        head.patch(f"/v1/schools/{school['id']}", {"phase": "Secondary"}, "*")
        assert (found(head, word, phase="Nursery"), found(head, word, phase="Secondary")) == ([], made)
        head.patch(f"/v1/schools/{school['id']}", {"cluster_id": None}, "*")
        assert found(head, word, region=after) == []
        moved = make.school(cluster_id=cluster["id"], phase="Primary")["id"]
        head.patch(f"{PATH}/{made[0]}", {"school_id": moved}, "*")
        assert found(head, word, region="Elsewhere", phase="Primary") == made

    def test_follows_what_is_written(self, head, make, word):
        made = make.contribution(title=word)
        assert found(head, word) == [made["id"]]
        head.patch(f"{PATH}/{made['id']}", {"title": "Another"}, "*")
        assert found(head, word) == []

    def test_answers_the_best(self, head, make, word):
        plain = [make.contribution(impact=word)["id"] for _ in range(3)]
        best = make.contribution(title=f"{word} {word}")["id"]
        assert found(head, word, limit=1) == [best]
        assert found(head, word, limit=50) == [best, *reversed(plain)]
        assert search(head, word, limit=1)["ranked"] == 4

    def test_ranks_the_newest_fifty(self, head, make, stage, word):
        """And then those before them."""
        first = make.contribution(title=word)
        copies(stage, first, 50, f"'title', 'Less', 'impact', '{word}'")
        pages = list(all_pages(head, word, limit=50))
        assert [(page["ranked"], page["complete"], len(page["items"])) for page in pages] == [
            (50, False, 50), (1, True, 1)]
        assert pages[1]["items"][0]["contribution"] == first
        assert head.delete(f"{PATH}/{pages[0]['items'][0]['contribution']['id']}", "*").status == 204
        answer = search(head, word)
        assert (answer["ranked"], answer["complete"]) == (50, True)
        assert answer["items"][0]["contribution"] == first

    def test_pages_are_of_what_was_there(self, head, make, stage, word):
        """What is created after the first page is on none that follows; each stands once."""
        copies(stage, make.contribution(impact=word), 60)
        before = found(head, word, limit=50)
        pages = all_pages(head, word, limit=7)
        ids = [item["contribution"]["id"] for item in next(pages)["items"]]
        make.contribution(title=word, impact=word)
        ids += [item["contribution"]["id"] for page in pages for item in page["items"]]
        assert ids[:50] == before and len(ids) == len(set(ids)) == 61

    def test_the_link_goes_where_next_does(self, head, make, word):
        for _ in range(2):
            make.contribution(title=word)
        response = head.get(f"{PATH}/search?q={word}&limit=1")
        assert response.header("Link") == (
            f"<{PATH}/search?q={word}&limit=1&cursor={response.json['next']}>; rel=\"next\"")
        last = head.get(f"{PATH}/search?q={word}&limit=1&cursor={response.json['next']}")
        assert last.header("Link") is None and last.json["next"] is None

    def test_a_cursor_is_for_its_own_search(self, head, make, word):
        for _ in range(2):
            make.contribution(title=word)
        cursor = search(head, word, limit=1)["next"]
        listed = head.get(f"{PATH}?limit=1").json["next"]
        bad_parameter(head.get(f"{PATH}/search?q={word}er&cursor={cursor}"), "cursor")
        bad_parameter(head.get(f"{PATH}/search?q={word}&kind=practice&cursor={cursor}"), "cursor")
        bad_parameter(head.get(f"{PATH}/search?q={word}&cursor={listed}"), "cursor")
        bad_parameter(head.get(f"{PATH}?cursor={cursor}"), "cursor")
        assert len(search(head, word, limit=2, cursor=cursor)["items"]) == 1

    @pytest.mark.parametrize("key, status", [
        ("9", 200), ("9,0.5,9", 200), ("-9", 200), ("9" * 30, 200), ("9,1e-20,-1", 200),
        ("9" * 30 + ",1,1", 200), ("", 400), ("x", 400), ("9,", 400), ("9,0.5", 400),
        ("9,0.5,", 400), ("9,nan,1", 400), ("9,1e-40,1", 400), ("9,1e30,1", 400), ("9,1,1,1", 400),
        ("9,0.5,1x", 400), ("9}", 400)])
    def test_a_cursor_made_by_hand(self, key, status, head, make, word):
        for _ in range(2):
            make.contribution(title=word)
        cursor = base64.urlsafe_b64decode(search(head, word, limit=1)["next"] + "==")
        made = base64.urlsafe_b64encode(cursor[:46] + key.encode()).decode().rstrip("=")
        assert head.get(f"{PATH}/search?q={word}&cursor={made}").status == status

    def test_finds_what_a_naive_look_finds(self, world, make, stage, word):
        """For every caller, with and without filters: in the same order, page by page."""
        chance = random.Random(4)
        seen = {"head_office": {"own", "same", "foreign"}, "client": {"own", "same", "foreign"},
                "ambassador": {"own", "same"}, "school": {"own", "same"}}
        made = []
        for _ in range(40):
            place, visibility, kind = (chance.choice(choices) for choices in (
                ("own", "same", "foreign"), ("cluster", "cluster", "programme", "public"),
                ("visit", "training", "support")))
            texts = {member: " ".join(chance.choices([word, "reading", "noise"], [8, 8, 1], k=3))
                     for member in ("title", "description", "impact")}
            record = make.contribution(school_id=world.schools[place]["id"], kind=kind,
                                       visibility=visibility, **texts)
            made.append((record, place))
        common = make.contribution(school_id=world.schools["own"]["id"], title=word, kind="visit")
        copies(stage, common, 60)
        rows = stage.cluster.psql(f"""
            SELECT id, number, ts_rank(search, websearch_to_tsquery('english', '{word} -noise')),
                kind, visibility, school_id
            FROM contribution WHERE search @@ websearch_to_tsquery('english', '{word} -noise')
            ORDER BY number DESC""", user="iqm_owner").splitlines()
        rows = [row.split("|") for row in rows]
        place_of = {record["school_id"]: place for record, place in made}
        assert len(rows) > 80
        for role, places in seen.items():
            for filters in ({}, {"kind": "visit"}, {"kind": "training"}):
                hits = [row for row in rows
                        if (place_of[row[5]] in places or row[4] != "cluster")
                        and row[3] in filters.get("kind", row[3])]
                blocks = [hits[at:at + 50] for at in range(0, len(hits), 50)]
                expected = [row[0] for block in blocks for row in
                            sorted(block, key=lambda row: (-float(row[2]), -int(row[1])))]
                for limit in (3, 50):
                    pages = all_pages(world.callers[role], f"{word} -noise", limit=limit, **filters)
                    assert [item["contribution"]["id"] for page in pages
                            for item in page["items"]] == expected, (role, filters, limit)

    @pytest.mark.parametrize("later", [1, 600, 5000, 200000, 3000000])
    def test_finds_what_is_old(self, later, world, head, make, stage, word):
        """However many were created since; with the newest, in one answer."""
        old = shared(make, world.schools["own"], word)["id"]
        stage.cluster.psql("SELECT setval('contribution_number_seq', "
                           f"nextval('contribution_number_seq') + {later})", user="iqm_owner")
        new = shared(make, world.schools["own"], word)["id"]
        for caller in (head, world.callers["school"]):
            assert found(caller, word) == [new, old]
            assert found(caller, word, academic_year="2025/26") == [new, old]

    def test_highlights(self, head, make, word):
        made = make.contribution(description=f"<b>{word}</b> & \"more\" \\ reading", impact=None)
        answer = search(head, f"{word} read")
        assert answer["items"] == [{"contribution": made, "rank": answer["items"][0]["rank"],
                                    "highlight": f"&lt;b&gt;<mark>{word}</mark>&lt;/b&gt; &amp; "
                                    "&quot;more&quot; \\ <mark>reading</mark>"}]

    @pytest.mark.parametrize("query, name", [
        ("", "q"), ("q=", "q"), ("q=" + "a" * 201, "q"), ("q=a&limit=0", "limit"),
        ("q=a&limit=51", "limit"), ("q=a&kind=talk", "kind"), ("q=a&phase=", "phase"),
        ("q=a&region=", "region"), ("q=a&academic_year=2025", "academic_year"),
        ("q=a&cursor=x", "cursor")])
    def test_refuses(self, query, name, head):
        bad_parameter(head.get(f"{PATH}/search?{query}"), name)

    def test_takes_the_longest_texts(self, head, make, word):
        long = " ".join(f"w{n}" for n in range(2500))[:9000]
        made = make.contribution(description=f"{long} {word}", impact=long)
        assert found(head, word) == [made["id"]]
        search(head, " ".join(f"w{n}" for n in range(40)))


def test_lists(head, make):
    school = make.school()["id"]
    early = make.contribution(school_id=school, happened_on="2024-01-01", kind="visit")
    late = make.contribution(school_id=school, happened_on="2024-06-01", visibility="public")
    for query, records in (("kind=visit", [early]), ("visibility=public", [late]),
                           ("happened_from=2024-06-01", [late]), ("happened_to=2024-01-01", [early]),
                           ("sort=-happened_on", [late, early]), ("sort=happened_on", [early, late]),
                           ("happened_from=2024-06-02", [])):
        assert head.get(f"{PATH}?school_id={school}&{query}").json["items"] == records, query


def test_of_what_is_to_come(head, make):
    body = make.example("contribution", happened_on=day(1))
    invalid(head.post("/v1/contributions", body), "/happened_on")
