"""The rules of the programme: what a record must be beyond its form (src/programme/*/rules.c)."""

import datetime
import threading
import uuid

import pytest

from support.client import Client
from support.expect import invalid, problem
from support.resources import terms

# Easter Sundays, from the tables of the Book of Common Prayer's successor, not from our arithmetic.
EASTER = {1961: "04-02", 1978: "03-26", 2000: "04-23", 2008: "03-23", 2011: "04-24", 2019: "04-21",
          2024: "03-31", 2025: "04-20", 2026: "04-05", 2038: "04-25"}


def next_day(day):
    return str(datetime.date.fromisoformat(day) + datetime.timedelta(days=1))


class TestSchools:
    @pytest.mark.parametrize("given, kept", [
        ("SW1A 1AA", "SW1A 1AA"), ("sw1a1aa", "SW1A 1AA"), (" m1  1ae ", "M1 1AE"),
        ("b338th", "B33 8TH"), ("cr2 6xh", "CR2 6XH"), ("DN551PT", "DN55 1PT"),
        ("w1a 0ax", "W1A 0AX"), ("ec1a1bb", "EC1A 1BB")])
    def test_a_postcode_is_written_one_way(self, head, make, given, kept):
        made = make.school(postcode=given)
        assert made["postcode"] == kept
        again = head.patch(f"/v1/schools/{made['id']}", {"postcode": given.lower()}, "*")
        assert again.json["postcode"] == kept

    @pytest.mark.parametrize("given", ["SW1A", "1AA SW1A", "SW1A 1A1", "12345", "A 1AA", "ABC1 1AA",
                                       "SW1A-1AA", "SW1A 1AAA", "ÉC1A 1BB", "A1-C 1AA", "A123 4BB",
                                       "AA1!A 1AA", "9AA 1AA", "A1 1ÄA", "          "])
    def test_a_postcode_of_no_uk_form(self, head, make, given):
        invalid(head.post("/v1/schools", make.example("school", postcode=given)), "/postcode")

    def test_ages(self, head, make):
        assert make.school(low_age=5, high_age=5)["high_age"] == 5
        assert make.school(low_age=5, high_age=None)["low_age"] == 5
        invalid(head.post("/v1/schools", make.example("school", low_age=12, high_age=11)),
                "/high_age")
        school = make.school(low_age=4, high_age=11)
        invalid(head.patch(f"/v1/schools/{school['id']}", {"low_age": 12}, "*"), "/high_age")

    def test_dates(self, head, make):
        day = "2020-09-01"
        assert make.school(open_date=day, close_date=day)["close_date"] == day
        invalid(head.post("/v1/schools", make.example(
            "school", open_date=day, close_date="2020-08-31")), "/close_date")

    def test_laestab(self, head, make):
        assert make.school(laestab="2013614", local_authority_code="201")
        assert make.school(laestab="2013614", local_authority_code=None)
        invalid(head.post("/v1/schools", make.example(
            "school", laestab="2023614", local_authority_code="201")), "/laestab")

    def test_all_rules_speak_at_once(self, head, make):
        body = make.example("school", postcode="nowhere", low_age=9, high_age=8, laestab="2023614",
                            local_authority_code="201", open_date="2020-01-02",
                            close_date="2020-01-01")
        invalid(head.post("/v1/schools", body), "/postcode", "/high_age", "/laestab", "/close_date")

    @pytest.mark.parametrize("member, bad", [
        ("urn", "12"), ("urn", "1234567"), ("urn", "10000a"), ("urn", 100000),
        ("ukprn", "20000000"),
        ("laestab", "201361"), ("local_authority_code", "20"), ("status", "Open"),
        ("nation", "England"), ("telephone", "call me"), ("website", "www.school.example"),
        ("website", "javascript:alert(1)"), ("website", "https://"), ("cluster_id", "x"),
        ("name", " " * 0), ("name", "x" * 201), ("phase", ""), ("postcode", "")])
    def test_form(self, head, make, member, bad):
        invalid(head.post("/v1/schools", make.example("school", **{member: bad})), f"/{member}")

    def test_a_urn_is_one_schools_own(self, head, make):
        first, second = make.school(), make.school()
        for response in (head.post("/v1/schools", make.example("school", urn=first["urn"])),
                         head.patch(f"/v1/schools/{second['id']}", {"urn": first["urn"]}, "*")):
            found = problem(response, 409, "conflict")
            assert [e["pointer"] for e in found["errors"]] == ["/urn"]
        assert make.school(urn=None) and make.school(urn=None)

    def test_a_freed_urn_may_be_taken(self, head, make):
        school = make.school()
        head.delete(f"/v1/schools/{school['id']}", "*")
        assert make.school(urn=school["urn"])


class TestClusters:
    def test_membership(self, head, make):
        cluster, school = make.cluster(), make.school()
        joined = head.patch(f"/v1/schools/{school['id']}", {"cluster_id": cluster["id"]}, "*").json
        listed = head.get(f"/v1/schools?cluster_id={cluster['id']}").json["items"]
        assert listed == [joined]
        problem(head.delete(f"/v1/clusters/{cluster['id']}", "*"), 409, "conflict")
        head.patch(f"/v1/schools/{school['id']}", {"cluster_id": None}, "*")
        assert head.delete(f"/v1/clusters/{cluster['id']}", "*").status == 204


class TestAmbassadors:
    def test_leave_after_joining(self, head, make):
        day = "2024-09-01"
        assert make.ambassador(joined_on=day, left_on=day)
        assert make.ambassador(joined_on=None, left_on=day)
        invalid(head.post("/v1/ambassadors", make.example(
            "ambassador", joined_on=day, left_on="2024-08-31")), "/left_on")

    @pytest.mark.parametrize("email", ["x", "x@", "@x.example", "a b@x.example", "x@example",
                                       "x@.example", ".x@y.example", "x..y@z.example"])
    def test_a_persons_address(self, head, make, email):
        invalid(head.post("/v1/people", make.example("person", email=email)), "/email")

    def test_a_person_stays_while_an_ambassador(self, head, make):
        person = make.person()
        ambassador = make.ambassador(person_id=person["id"])
        problem(head.delete(f"/v1/people/{person['id']}", "*"), 409, "conflict")
        assert head.delete(f"/v1/ambassadors/{ambassador['id']}", "*").status == 204
        assert head.delete(f"/v1/people/{person['id']}", "*").status == 204


class TestAssignments:
    def post(self, head, make, cluster, starts, ends):
        return head.post("/v1/assignments", make.example(
            "assignment", cluster_id=cluster, starts_on=starts, ends_on=ends))

    def test_end_after_they_start(self, head, make):
        cluster = make.cluster()["id"]
        assert self.post(head, make, cluster, "2025-09-01", "2025-09-01").status == 201
        invalid(self.post(head, make, cluster, "2026-09-01", "2026-08-31"), "/ends_on")

    @pytest.mark.parametrize("starts, ends, fits", [
        ("2025-01-01", "2025-08-31", True), ("2025-01-01", "2025-09-01", False),
        ("2026-08-31", None, False), ("2026-09-01", None, True),
        ("2025-10-01", "2025-10-02", False),
        ("2020-01-01", None, False), ("2020-01-01", "2030-01-01", False)])
    def test_a_cluster_has_one_ambassador_at_a_time(self, head, make, starts, ends, fits):
        cluster = make.assignment(starts_on="2025-09-01", ends_on="2026-08-31")["cluster_id"]
        response = self.post(head, make, cluster, starts, ends)
        if fits:
            assert response.status == 201, response
        else:
            found = problem(response, 409, "conflict")
            assert [e["pointer"] for e in found["errors"]] == ["/starts_on"]

    def test_one_that_goes_on_bars_the_next(self, head, make):
        first = make.assignment(starts_on="2025-09-01", ends_on=None)
        problem(self.post(head, make, first["cluster_id"], "2040-01-01", None), 409, "conflict")
        ended = head.patch(f"/v1/assignments/{first['id']}", {"ends_on": "2039-12-31"}, "*")
        assert ended.status == 200
        assert self.post(head, make, first["cluster_id"], "2040-01-01", None).status == 201

    def test_an_ambassador_may_lead_several_clusters(self, head, make):
        ambassador = make.ambassador()["id"]
        clusters = {make.assignment(ambassador_id=ambassador)["cluster_id"] for _ in range(2)}
        assert len(clusters) == 2


class TestSuccessions:
    def test_a_school_does_not_follow_itself(self, head, make):
        school = make.school()["id"]
        invalid(head.post("/v1/successions", make.example(
            "succession", predecessor_id=school, successor_id=school)), "/successor_id")

    def test_a_pair_stands_once(self, head, make):
        made = make.succession()
        found = problem(head.post("/v1/successions", make.example(
            "succession", predecessor_id=made["predecessor_id"],
            successor_id=made["successor_id"])), 409, "conflict")
        assert {e["pointer"] for e in found["errors"]} == {"/predecessor_id", "/successor_id"}


class TestTermDates:
    @pytest.mark.parametrize("year", ["2026/26", "2026/28", "2099/99", "2026/7", "2026-27",
                                      "26/27"])
    def test_a_year_and_the_next(self, head, make, year):
        invalid(head.post("/v1/term-dates", make.example("term_dates", academic_year=year)),
                "/academic_year")

    def test_a_century_turns(self, head, make):
        number = make.number()
        body = {**terms(2099), "local_authority_code": f"{number % 1000:03d}"}
        assert body["academic_year"] == "2099/00"
        assert head.post("/v1/term-dates", body).status in (201, 409)

    def test_terms_lie_in_their_year_one_after_the_other(self, head, make):
        body = make.example("term_dates")
        year = int(body["academic_year"][:4])

        def with_span(term, **days):
            return {**body, term: {**body[term], **days}}

        for wrong, *pointers in (
                (with_span("autumn", starts_on=f"{year}-08-31"), "/autumn/starts_on"),
                (with_span("summer", ends_on=f"{year + 1}-09-01"), "/summer/ends_on"),
                (with_span("spring", starts_on=f"{year}-12-19"), "/spring/starts_on"),
                (with_span("autumn", ends_on=f"{year}-09-02"), "/autumn/ends_on"),
                (with_span("summer", starts_on=f"{year + 1}-03-27"), "/summer/starts_on"),
                (with_span("spring", starts_on=f"{year - 1}-01-05", ends_on=f"{year - 1}-03-27"),
                 "/spring/starts_on", "/spring/ends_on", "/spring/starts_on")):
            found = problem(head.post("/v1/term-dates", wrong), 422, "validation_failed")
            assert sorted(e["pointer"] for e in found["errors"]) == sorted(pointers), wrong
        assert head.post("/v1/term-dates", with_span(
            "autumn", starts_on=f"{year}-09-01")).status == 201

    def test_stand_once_for_a_year_and_an_authority(self, head, make):
        made = make.term_dates()
        body = make.example("term_dates", **{k: made[k] for k in (
            "academic_year", "local_authority_code", "autumn", "spring", "summer")})
        found = problem(head.post("/v1/term-dates", body), 409, "conflict")
        assert {e["pointer"] for e in found["errors"]} == \
            {"/academic_year", "/local_authority_code"}


@pytest.fixture
def general(head, make):
    """Term dates for everyone, in a year of this test's own; gone afterwards."""
    year = 8500 + make.number() % 1400
    made = head.post("/v1/term-dates", terms(year))
    assert made.status == 201, made
    yield year
    assert head.delete(made.header("Location"), "*").status == 204


class TestMeetings:
    def test_of_a_cluster_have_a_cluster(self, head, make):
        body = make.example("meeting")
        del body["cluster_id"]
        invalid(head.post("/v1/meetings", body), "/cluster_id")
        invalid(head.post("/v1/meetings", {**body, "cluster_id": None}), "/cluster_id")
        assert head.post("/v1/meetings", {**body, "kind": "additional"}).status == 201
        made = make.meeting()
        invalid(head.patch(f"/v1/meetings/{made['id']}", {"cluster_id": None}, "*"), "/cluster_id")

    @pytest.mark.parametrize("year, easter", EASTER.items())
    def test_without_term_dates_easter_parts_spring_from_summer(self, make, year, easter):
        sunday = f"{year}-{easter}"
        assert datetime.date.fromisoformat(sunday).weekday() == 6
        for day, term in ((f"{year}-01-01", "spring"), (sunday, "spring"),
                          (next_day(sunday), "summer"), (f"{year}-08-31", "summer"),
                          (f"{year}-09-01", "autumn"), (f"{year}-12-31", "autumn")):
            assert make.meeting(held_on=day)["term"] == term, day

    @pytest.mark.parametrize("day, academic_year", [
        ("2025-09-01", "2025/26"), ("2026-08-31", "2025/26"), ("2000-01-01", "1999/00"),
        ("1999-09-01", "1999/00"), ("2099-12-31", "2099/00"), ("2024-02-29", "2023/24")])
    def test_know_their_academic_year(self, make, day, academic_year):
        assert make.meeting(held_on=day)["academic_year"] == academic_year

    @pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "0001-09-01"])
    def test_at_the_ends_of_the_calendar(self, head, make, day):
        response = head.post("/v1/meetings", make.example("meeting", held_on=day))
        assert response.status in (201, 422), response

    def test_general_dates_hold(self, make, general):
        for day, term in (("09-01", "autumn"), ("09-03", "autumn"), ("12-25", "autumn")):
            assert make.meeting(held_on=f"{general}-{day}")["term"] == term
        for day, term in (("01-04", "autumn"), ("01-05", "spring"), ("04-12", "spring"),
                          ("04-13", "summer"), ("08-31", "summer")):
            assert make.meeting(held_on=f"{general + 1}-{day}")["term"] == term, day

    def test_an_authoritys_own_dates_go_first(self, head, make, general):
        code = f"{make.number() % 1000:03d}"
        dates = terms(general)
        dates["summer"]["starts_on"] = f"{general + 1}-05-01"
        own = head.post("/v1/term-dates", {**dates, "local_authority_code": code})
        assert own.status == 201
        here = make.school(local_authority_code=code)["id"]
        elsewhere = make.school(local_authority_code=None)["id"]
        day = f"{general + 1}-04-20"
        assert make.meeting(held_on=day, host_school_id=here)["term"] == "spring"
        assert make.meeting(held_on=day, host_school_id=elsewhere)["term"] == "summer"
        assert make.meeting(held_on=day)["term"] == "summer"
        assert head.delete(own.header("Location"), "*").status == 204

    def test_what_is_derived_follows_the_day(self, head, make):
        made = make.meeting(held_on="2025-11-12")
        assert (made["academic_year"], made["term"]) == ("2025/26", "autumn")
        path = f"/v1/meetings/{made['id']}"
        moved = head.patch(path, {"held_on": "2024-07-01"}, "*").json
        assert (moved["academic_year"], moved["term"]) == ("2023/24", "summer")
        invalid(head.patch(path, {"term": "autumn"}, "*"), "/term")
        invalid(head.patch(path, {"academic_year": "2025/26"}, "*"), "/academic_year")
        invalid(head.post("/v1/meetings", make.example("meeting", term="autumn")), "/term")
        assert head.put(path, moved, headers={"If-Match": "*"}).json == moved


class TestAttendance:
    def test_stands_once_for_a_meeting_and_a_school(self, head, make):
        made = make.attendance()
        found = problem(head.post("/v1/attendances", make.example(
            "attendance", meeting_id=made["meeting_id"], school_id=made["school_id"])), 409,
            "conflict")
        assert {e["pointer"] for e in found["errors"]} == {"/meeting_id", "/school_id"}

    def test_names_every_record_that_is_not_there(self, head, make):
        body = make.example("attendance", meeting_id=str(uuid.uuid4()), school_id=str(uuid.uuid4()))
        found = problem(head.post("/v1/attendances", body), 422, "validation_failed")
        assert found["errors"][0]["pointer"] in ("/meeting_id", "/school_id")


class TestPreconditions:
    def test_put_heeds_both(self, head, make):
        """RFC 9110, 13.2.2: after If-Match has held, If-None-Match is looked at too."""
        school = make.school()
        response = head.put(f"/v1/schools/{school['id']}", make.example("school"),
                            headers={"If-Match": '"1"', "If-None-Match": "*"})
        problem(response, 412, "precondition_failed")

    def test_two_that_change_the_same(self, head, make):
        """Of many writers on one version exactly one wins."""
        school = make.school()
        path, answers = f"/v1/schools/{school['id']}", []

        def change(number):
            client = Client(head.port, head.token)
            answers.append(client.patch(path, {"town": f"Town {number}"}, '"1"').status)
            client.close()

        threads = [threading.Thread(target=change, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200] + [412] * 7
        assert head.get(path).json["version"] == 2
