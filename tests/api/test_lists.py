"""Lists: pages, cursors, filters, sorts; and that paging never skips or repeats what stays."""

import base64
import json
import random
import re
import urllib.parse
import uuid

import pytest

from support.contract import OPERATIONS
from support.expect import bad_parameter, problem
from support.resources import RESOURCES, terms


LISTS = sorted(op.id for op in OPERATIONS.values() if op.action == "list")


def pages(client, target):
    """Every page of a list, following the Link header."""
    while target:
        response = client.get(target)
        assert response.status == 200, response
        page = response.json
        link = response.header("Link")
        assert (link is None) == (page["next"] is None)
        yield page["items"]
        target = link and re.fullmatch(r'<(/.*)>; rel="next"', link).group(1)


def all_of(client, target):
    return [item for page in pages(client, target) for item in page]


def ids(items):
    return [item["id"] for item in items]


@pytest.fixture
def members(make):
    """A cluster and seven schools of it, two of one name."""
    cluster = make.cluster()["id"]
    names = ["Ash", "Beech", "Beech", "Cedar", "Elm", "Fir", "Oak"]
    return cluster, [make.school(cluster_id=cluster, name=name) for name in names]


class TestPages:
    @pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
    def test_hold_what_was_made(self, resource, head, make):
        record = make.create(resource.name)
        assert head.get(f"{resource.collection}?limit=1").json["items"]
        found = next((i for page in pages(head, f"{resource.collection}?limit=200")
                      for i in page if i["id"] == record["id"]), None)
        assert found == record

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
    def test_of_any_size_give_the_same(self, head, members, limit):
        cluster, schools = members
        found = list(pages(head, f"/v1/schools?cluster_id={cluster}&limit={limit}"))
        assert [item for page in found for item in page] == sorted(schools, key=lambda s: s["id"])
        assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
        assert 0 < len(found[-1]) <= limit

    def test_default_to_fifty(self, head, make):
        cluster = make.cluster()["id"]
        for _ in range(51):
            make.school(cluster_id=cluster)
        assert [len(p) for p in pages(head, f"/v1/schools?cluster_id={cluster}")] == [50, 1]

    def test_may_be_empty(self, head):
        response = head.get(f"/v1/schools?cluster_id={uuid.uuid4()}")
        assert response.json == {"items": [], "next": None}
        assert response.header("Link") is None

    def test_the_link_keeps_the_other_parameters(self, head, members):
        cluster, _ = members
        target = f"/v1/schools?sort=-name&limit=2&cluster_id={cluster}&name_prefix=%e2%80%9C"
        head.get(target)
        target = f"/v1/schools?sort=-name&limit=2&cluster_id={cluster}"
        link = head.get(target).header("Link")
        query = dict(urllib.parse.parse_qsl(link[1:].split(">")[0].split("?")[1]))
        assert (query.pop("sort"), query.pop("limit"), query.pop("cluster_id")) == \
            ("-name", "2", cluster)
        assert query == {"cursor": head.get(target).json["next"]}

    def test_the_link_replaces_the_cursor_however_it_is_spelled(self, head, members):
        cluster, schools = members
        target = f"/v1/schools?cluster_id={cluster}&limit=2"
        cursor = head.get(target).json["next"]
        assert len(all_of(head, f"{target}&curs%6Fr={cursor}")) == len(schools) - 2


class TestSorts:
    def test_by_name(self, head, members):
        cluster, schools = members
        wanted = sorted(schools, key=lambda s: (s["name"], s["id"]))
        for limit in (1, 2, 3, 50):
            target = f"/v1/schools?cluster_id={cluster}&limit={limit}&sort="
            assert all_of(head, target + "name") == wanted
            assert all_of(head, target + "-name") == wanted[::-1]

    def test_names_as_people_sort_them(self, head, make):
        cluster = make.cluster()["id"]
        for name in ("zebra", "Émile", "alpha", "Zoo", "éclair", "Beta"):
            make.school(cluster_id=cluster, name=name)
        found = all_of(head, f"/v1/schools?cluster_id={cluster}&sort=name&limit=2")
        names = [school["name"] for school in found]
        assert names == ["alpha", "Beta", "éclair", "Émile", "zebra", "Zoo"]

    def test_names_of_any_length(self, head, make):
        cluster = make.cluster()["id"]
        made = [make.school(cluster_id=cluster, name="😀" * 199 + x) for x in "ab😀"]
        target = f"/v1/schools?cluster_id={cluster}&sort=name&limit=1"
        assert sorted(ids(all_of(head, target))) == sorted(ids(made))

    def test_the_next_page_of_the_longest_query_is_not_too_long(self, head, make):
        prefix = "".join(chr(0x1F600 + random.Random(make.number()).randrange(60))
                         for _ in range(100))
        for _ in range(2):
            make.school(name=prefix + "😀" * 100)
        target = f"/v1/schools?sort=name&limit=1&name_prefix={urllib.parse.quote(prefix)}"
        assert len(all_of(head, target)) >= 2

    def test_meetings_by_day(self, head, make):
        cluster = make.cluster()["id"]
        days = ["2025-11-12", "2024-02-29", "2025-11-12", "2026-01-01"]
        made = [make.meeting(cluster_id=cluster, held_on=day) for day in days]
        wanted = sorted(made, key=lambda m: (m["held_on"], m["id"]))
        target = f"/v1/meetings?cluster_id={cluster}&limit=1&sort="
        assert all_of(head, target + "held_on") == wanted
        assert all_of(head, target + "-held_on") == wanted[::-1]

    def test_assignments_by_first_day(self, head, make):
        ambassador = make.ambassador()["id"]
        made = [make.assignment(ambassador_id=ambassador, starts_on=f"20{y}-09-01", ends_on=None)
                for y in (25, 23, 24)]
        wanted = sorted(made, key=lambda a: a["starts_on"])
        target = f"/v1/assignments?ambassador_id={ambassador}&limit=2&sort="
        assert all_of(head, target + "starts_on") == wanted
        assert all_of(head, target + "-starts_on") == wanted[::-1]

    def test_term_dates_by_year(self, head, make):
        number = make.number()
        code, first = f"{number % 1000:03d}", 8300 + number % 100
        made = [head.post("/v1/term-dates", {**terms(first + i), "local_authority_code": code})
                for i in (1, 0, 2)]
        made = [response.json for response in made if response.status == 201]
        for sort in ("academic_year", "-academic_year"):
            found = all_of(head, f"/v1/term-dates?local_authority_code={code}&limit=2&sort={sort}")
            years = [t["academic_year"] for t in found]
            assert years == sorted(years, reverse=sort.startswith("-"))
            assert {*ids(made)} <= {*ids(found)}

    def test_clusters_by_name(self, head, make):
        region = make.name("Region")
        made = [make.cluster(region=region) for _ in range(4)]
        target = f"/v1/clusters?region={urllib.parse.quote(region)}&limit=3&sort="
        assert ids(all_of(head, target + "name")) == ids(made)
        assert ids(all_of(head, target + "-name")) == ids(made[::-1])


FILTERS = [
    ("school", "cluster_id"), ("school", "urn"), ("school", "local_authority_code"),
    ("school", "phase"), ("cluster", "region"), ("person", "school_id"),
    ("ambassador", "person_id"), ("assignment", "ambassador_id"), ("assignment", "cluster_id"),
    ("succession", "predecessor_id"), ("succession", "successor_id"),
    ("term_dates", "academic_year"), ("term_dates", "local_authority_code"),
    ("meeting", "cluster_id"), ("meeting", "host_school_id"), ("attendance", "meeting_id"),
    ("attendance", "school_id")]


class TestFilters:
    @pytest.mark.parametrize("name, member", FILTERS)
    def test_equal(self, head, make, name, member):
        special = {"cluster_id": lambda: make.cluster()["id"],
                   "host_school_id": lambda: make.school()["id"],
                   "school_id": lambda: make.school()["id"],
                   "phase": lambda: make.name("Phase"), "region": lambda: make.name("Region"),
                   "local_authority_code": lambda: f"{make.number() % 1000:03d}"}
        extra = {member: special[member]()} if member in special and name != "term_dates" else {}
        record = make.create(name, **extra)
        value = urllib.parse.quote(record[member])
        found = all_of(head, f"{RESOURCES[name].collection}?{member}={value}&limit=200")
        assert record in found
        assert all(item[member] == record[member] for item in found)
        if name != "term_dates" and member != "local_authority_code":
            assert found == [record]

    def test_by_status(self, head, make):
        cluster = make.cluster()["id"]
        made = {s: make.school(cluster_id=cluster, status=s)
                for s in ("open", "closed", "proposed_to_open", "open_but_proposed_to_close")}
        for status, school in made.items():
            assert all_of(head, f"/v1/schools?cluster_id={cluster}&status={status}") == [school]

    def test_by_prefix(self, head, make):
        cluster = make.cluster()["id"]
        names = ["Saint Mary", "SAINT PAUL", "Sainte Anne", "St Mary", "100% School", "1000 Oaks",
                 "A_B", "AXB", "Église", "Żłobek"]
        for name in names:
            make.school(cluster_id=cluster, name=name)
        for prefix, wanted in (("saint", names[:3]), ("Saint M", names[:1]), ("100%", names[4:5]),
                               ("A_", names[6:7]), ("éGL", names[8:9]), ("żŁO", names[9:]), ("Żłobek", names[9:]), ("aint", []), ("\\", [])):
            quoted = urllib.parse.quote(prefix)
            found = all_of(head, f"/v1/schools?cluster_id={cluster}&name_prefix={quoted}&limit=2")
            assert [s["name"] for s in found] == wanted, prefix
        found = all_of(head, f"/v1/schools?cluster_id={cluster}&name_prefix=saint+m")
        assert [s["name"] for s in found] == names[:1]

    def test_a_page_too_large_ends_early(self, head, make):
        """271 kB a document, the largest the contract allows: 200 of them would be 54 MB."""
        cluster = make.cluster()["id"]
        largest = {"topics": ["\U0001f600" * 500] * 50, "notes": "\U0001f600" * 20000, "papers": [
            {"title": "\U0001f600" * 200, "url": "https://example.org/" + "x" * 900}] * 50}
        wanted = [make.meeting(cluster_id=cluster, **largest)["id"] for _ in range(40)]
        path = f"/v1/meetings?cluster_id={cluster}&limit=200"
        first = head.get(path).json
        assert 1 < len(first["items"]) < 40 and first["next"] is not None
        assert [m["id"] for m in all_of(head, path)] == wanted

    def test_by_days(self, head, make):
        cluster = make.cluster()["id"]
        made = [make.meeting(cluster_id=cluster, held_on=f"2025-10-0{d}") for d in (1, 2, 3)]
        base = f"/v1/meetings?cluster_id={cluster}"
        assert all_of(head, base + "&held_from=2025-10-02") == made[1:]
        assert all_of(head, base + "&held_to=2025-10-02") == made[:2]
        assert all_of(head, base + "&held_from=2025-10-02&held_to=2025-10-02") == made[1:2]
        assert all_of(head, base + "&held_from=2025-10-03&held_to=2025-10-01") == []
        bad_parameter(head.get(base + "&held_from=2025-02-30&held_to=tomorrow"), "held_from",
                      "held_to")

    def test_no_text_is_taken_for_sql(self, head):
        for text in ("' OR '1'='1", "'; DROP TABLE school; --", "$1", "\\'", "%27"):
            quoted = urllib.parse.quote(text)
            assert head.get(f"/v1/schools?name_prefix={quoted}").json["items"] == []
            assert head.get(f"/v1/clusters?region={quoted}").json["items"] == []


class TestIds:
    """Records by their ids, in one request."""

    @pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
    def test_of_every_list(self, resource, head, make):
        made = [make.create(resource.name) for _ in range(2)]
        wanted = ",".join([made[1]["id"], str(uuid.uuid4()), made[0]["id"]])
        assert all_of(head, f"{resource.collection}?id={wanted}") == \
            sorted(made, key=lambda one: one["id"])

    def test_every_list_takes_them(self):
        lists = [op for op in OPERATIONS.values() if op.action == "list"]
        assert [op.id for op in lists if "id" not in {p["name"] for p in op.parameters}] == []

    def test_beside_filters_order_pages_and_formats(self, head, members):
        cluster, schools = members
        beeches, some = schools[1:3], schools[:4]
        base = "/v1/schools?id=" + ",".join(ids(some))
        assert all_of(head, base + "&name_prefix=beech&limit=1") == sorted(beeches, key=lambda s: s["id"])
        assert all_of(head, f"{base}&cluster_id={uuid.uuid4()}") == []
        for limit in (1, 3, 4):
            found = all_of(head, f"{base}&sort=-name&limit={limit}")
            assert found == sorted(some, key=lambda s: (s["name"], s["id"]), reverse=True)
        text = head.get(base + "&format=ndjson&fields=id&sort=name").text
        assert [json.loads(line)["id"] for line in text.splitlines()] == \
            ids(sorted(some, key=lambda s: (s["name"], s["id"])))
        cursor = head.get(base + "&limit=1").json["next"]
        bad_parameter(head.get(f"/v1/schools?id={schools[0]['id']}&limit=1&cursor={cursor}"), "cursor")

    def test_what_is_not_seen_is_left_out(self, world):
        own, foreign = (world.kept("school", place, "school") for place in ("own", "foreign"))
        found = world.callers["school"].get(f"/v1/schools?id={own['id']},{foreign['id']}")
        assert ids(found.json["items"]) == [own["id"]]

    def test_fifty(self, head, make):
        wanted = [make.cluster()["id"] for _ in range(3)] + [str(uuid.uuid4()) for _ in range(47)]
        target = "/v1/clusters?sort=name&limit=2&id=" + ",".join(wanted)
        assert ids(all_of(head, target)) == wanted[:3]
        assert ids(all_of(head, target.replace(",", "%2C"))) == wanted[:3]

    @pytest.mark.parametrize("value", [
        "", "x", ",", "{one},", "{one},{one}", "{one};{two}", "{one} {two}", "{{{one}}}", "null", "*",
        pytest.param(",".join("0190f6a4-7c3e-7b1a-8f00-" + f"{n:012}" for n in range(51)), id="51")])
    def test_that_are_none(self, head, value):
        value = value.format(one=uuid.uuid4(), two=uuid.uuid4()) if "one" in value else value
        found = problem(head.get(f"/v1/schools?id={urllib.parse.quote(value)}"), 400, "invalid_parameters")
        assert {error["parameter"] for error in found["errors"]} == {"id"}

    def test_sent_twice(self, head):
        bad_parameter(head.get(f"/v1/schools?id={uuid.uuid4()}&id={uuid.uuid4()}"), "id")

    @pytest.mark.parametrize("operation", LISTS)
    def test_are_found_by_the_primary_key(self, stage, operation):
        """As the server asks: one plan for whatever ids."""
        table = OPERATIONS[operation].resource
        plan = stage.cluster.psql(
            "SET ROLE iqm_server; SET iqm.roles = '{head_office}'; SET enable_seqscan = off; "
            "SET plan_cache_mode = force_generic_plan; PREPARE by_ids(uuid[], bigint) AS "
            f"SELECT doc FROM {table} WHERE id = ANY ($1) ORDER BY id LIMIT $2; "
            f"EXPLAIN EXECUTE by_ids('{{{uuid.uuid4()}}}', 51)")
        assert re.search(f"(using|on) {table}_pkey ", plan) and "Index Cond: (id = ANY ($1))" in plan, plan


class TestCursors:
    def test_of_another_list(self, head, members, make):
        cluster, _ = members
        other = make.cluster()["id"]
        base = f"/v1/schools?cluster_id={cluster}&limit=2"
        cursor = head.get(base).json["next"]
        for target in (f"/v1/schools?limit=2&cursor={cursor}",
                       f"/v1/schools?cluster_id={other}&limit=2&cursor={cursor}",
                       f"{base}&sort=name&cursor={cursor}", f"{base}&sort=-name&cursor={cursor}",
                       f"{base}&status=open&cursor={cursor}",
                       f"/v1/meetings?cluster_id={cluster}&cursor={cursor}",
                       f"/v1/schools/{members[1][0]['id']}/history?cursor={cursor}"):
            bad_parameter(head.get(target), "cursor")

    def test_the_limit_may_change(self, head, members):
        cluster, schools = members
        cursor = head.get(f"/v1/schools?cluster_id={cluster}&limit=2").json["next"]
        rest = head.get(f"/v1/schools?cluster_id={cluster}&limit=200&cursor={cursor}").json
        assert ids(rest["items"]) == sorted(ids(schools))[2:]

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "A" * 1200, "%00", "=", "AQ", "AQ==", "****",
                                        "../../etc", "é"])
    def test_that_is_none(self, head, cursor):
        response = head.get(f"/v1/schools?cursor={urllib.parse.quote(cursor, safe='%')}")
        assert response.status == 400, response

    def test_too_long(self, head):
        bad_parameter(head.get("/v1/schools?cursor=" + "A" * 1201), "cursor")

    def test_tampered(self, head, members):
        cluster, _ = members
        rng = random.Random(7)
        base = f"/v1/schools?cluster_id={cluster}&limit=2&sort=name"
        cursor = head.get(base).json["next"]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for _ in range(150):
            at = rng.randrange(len(cursor))
            changed = cursor[:at] + rng.choice(letters) + cursor[at + 1:]
            if rng.random() < 0.3:
                changed = changed[:rng.randrange(1, len(changed))]
            response = head.get(f"{base}&cursor={changed}")
            assert response.status in (200, 400), response
            if response.status == 200:
                assert all(s["cluster_id"] == cluster for s in response.json["items"])

    def test_with_a_key_of_the_wrong_type(self, head, make):
        """Made by hand from a good one: never a 500."""
        cluster = make.cluster()["id"]
        for _ in range(2):
            make.meeting(cluster_id=cluster)
        base = f"/v1/meetings?cluster_id={cluster}&limit=1&sort=held_on"
        cursor = head.get(base).json["next"]
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        for key in (b"tomorrow", b"", b"2025-02-30", b"infinity", b"2025-01-01 BC", b"'",
                    b"9" * 300):
            made = base64.urlsafe_b64encode(data[:46] + key).decode().rstrip("=")
            assert head.get(f"{base}&cursor={made}").status in (200, 400), key


def _adder(make, name, **fixed):
    """Makes records of a kind with a random key, some under ids of the client's own."""
    resource = RESOURCES[name]

    def add(rng):
        body = make.example(name, **fixed)
        if name == "school" or name == "cluster":
            body["name"] = f"{rng.choice('abc')}{make.number()}" if name == "cluster" \
                else rng.choice(["aa", "ab", "ba", "bb"])
        if "held_on" in body:
            body["held_on"] = f"2025-10-{rng.randrange(1, 5):02d}"
        if "starts_on" in body:
            body["starts_on"], body["ends_on"] = f"2025-10-{rng.randrange(1, 5):02d}", None
        if rng.random() < 0.5:
            path = f"{resource.collection}/{uuid.UUID(int=rng.getrandbits(128), version=4)}"
            response = make.client.put(path, body, headers={"If-None-Match": "*"})
        else:
            response = make.client.post(resource.collection, body)
        assert response.status in (201, 412), response
        return response.json if response.status == 201 else None

    return add


PAGED = [("school", "cluster_id", ""), ("school", "cluster_id", "name"),
         ("school", "cluster_id", "-name"), ("cluster", "region", "name"),
         ("cluster", "region", "-name"), ("meeting", "cluster_id", "held_on"),
         ("meeting", "cluster_id", "-held_on"), ("assignment", "ambassador_id", "starts_on"),
         ("assignment", "ambassador_id", "-starts_on"), ("attendance", "meeting_id", ""),
         ("succession", "predecessor_id", ""), ("meeting", "cluster_id", "")]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name, group, sort", PAGED)
def test_paging_while_others_write(head, make, name, group, sort, seed):
    """What is there all along is met exactly once; nothing is met twice; the order holds."""
    rng = random.Random(f"{name} {sort} {seed} {make.number()}")
    parent = {"cluster_id": make.cluster, "ambassador_id": make.ambassador,
              "meeting_id": make.meeting, "predecessor_id": make.school}
    value = make.name("Region") if group == "region" else parent[group]()["id"]
    resource, add = RESOURCES[name], _adder(make, name, **{group: value})
    live = {r["id"]: r for r in (add(rng) for _ in range(14)) if r}
    stayed, met = set(live), []
    query = f"{group}={urllib.parse.quote(value)}" + (f"&sort={sort}" if sort else "")
    for page in pages(head, f"{resource.collection}?{query}&limit={rng.randrange(1, 5)}"):
        met += page
        for _ in range(rng.randrange(3)):
            if rng.random() < 0.5 and live:
                gone = rng.choice(sorted(live))
                assert head.delete(resource.path(live.pop(gone)), "*").status == 204
                stayed.discard(gone)
            elif made := add(rng):
                live[made["id"]] = made
    assert len({*ids(met)}) == len(met)
    assert stayed <= {*ids(met)}
    key = sort.lstrip("-")
    order = [(item[key], item["id"]) if key else item["id"] for item in met]
    assert order == sorted(order, reverse=sort.startswith("-"))
