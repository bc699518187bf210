"""Holds that keep what is held about a person, and bank holidays that the rule does not know."""

import pytest

from support import enquiries, files
from support.expect import invalid, problem
from support.places import day

HOLDS, HOLIDAYS = "/v1/legal-holds", "/v1/bank-holidays"


def hold_of(stage, person, on=None, role="{head_office}"):
    """What the function tells a caller of these roles."""
    return stage.cluster.psql(
        f"SET iqm.roles = '{role}'; "
        f"SELECT hold_of('{person}'{f', {on!r}' if on else ''})->>'id'", user="iqm_server")


class TestHolds:
    def test_begin_today_unless_told_otherwise(self, make):
        assert make.legal_hold(placed_on=None)["placed_on"] == day(0)

    def test_have_days_in_order_that_are_not_to_come(self, make):
        body = make.example("legal_hold", placed_on=day(1), lifted_on=day(2))
        assert "today is" in invalid(make.client.post(HOLDS, body), "/placed_on", "/lifted_on")[
            "/placed_on"]
        body = make.example("legal_hold", placed_on=day(-3), lifted_on=day(-4))
        invalid(make.client.post(HOLDS, body), "/lifted_on")

    def test_stay_on_their_person(self, make, head):
        record = make.legal_hold()
        response = head.patch(f"{HOLDS}/{record['id']}", {"person_id": make.person()["id"]}, "*")
        assert invalid(response, "/person_id") == {"/person_id": "stays as it is"}

    def test_keep_their_person(self, make, head):
        record = make.legal_hold()
        found = problem(head.delete(f"/v1/people/{record['person_id']}", "*"), 409, "conflict")
        assert "legal holds" in found["detail"]

    def test_are_in_force_from_a_day_to_a_day(self, make, head, stage):
        record = make.legal_hold(placed_on="2026-03-01")
        person = record["person_id"]
        assert hold_of(stage, person) == record["id"]
        assert hold_of(stage, person, "2026-02-28") == ""
        assert hold_of(stage, person, "2026-03-01") == record["id"]
        head.patch(f"{HOLDS}/{record['id']}", {"lifted_on": "2026-04-01"}, "*")
        assert hold_of(stage, person) == ""
        assert hold_of(stage, person, "2026-03-31") == record["id"]
        assert hold_of(stage, person, "2026-04-01") == ""

    def test_are_told_to_head_office_only(self, make, stage):
        person = make.legal_hold()["person_id"]
        for role in ("{ambassador}", "{school}", "{client}", ""):
            assert hold_of(stage, person, role=role) == ""

    def test_are_listed_by_person_kind_and_whether_they_were_lifted(self, make, head):
        person = make.person()["id"]
        made = [make.legal_hold(person_id=person, kind=kind, lifted_on=lifted)["id"]
                for kind, lifted in (("regulator", None), ("other", "2026-01-01"))]
        for query, wanted in (("", made), ("&kind=other", made[1:]), ("&lifted=false", made[:1]),
                              ("&lifted=true", made[1:])):
            found = head.get(f"{HOLDS}?person_id={person}{query}").json["items"]
            assert [item["id"] for item in found] == wanted, query


class TestDeletes:
    """What is a person's own stays while a hold on them is in force."""

    def held(self, make, person, **members):
        return make.legal_hold(person_id=person, **members)

    def is_kept(self, head, path, hold):
        """Until it is lifted."""
        found = problem(head.delete(path, "*"), 409, "conflict")
        assert hold["id"] in found["detail"]
        assert head.get(path).status == 200
        lifted = head.patch(f"{HOLDS}/{hold['id']}", {"lifted_on": day(0)}, "*")
        assert lifted.status == 200, lifted
        assert head.delete(path, "*").status == 204
        assert head.get(path).status == 404

    def test_of_an_enquiry(self, make, head):
        enquiry = enquiries.send(make)
        self.is_kept(head, f"/v1/enquiries/{enquiry['id']}", self.held(make, enquiry["person_id"]))

    def test_of_an_account(self, make, head, world):
        account = world.people.somebody("ambassador").account
        self.is_kept(head, f"/v1/accounts/{account['id']}", self.held(make, account["person_id"]))

    def test_of_evidence_that_they_uploaded(self, make, head, world):
        """Whoever else may delete it is not told of the hold."""
        school = make.school()
        uploader, fellow = (world.people.coordinator(school) for _ in range(2))
        subject = make.contribution(school_id=school["id"])
        made = uploader.client.post("/v1/evidence", {
            "school_id": school["id"], "part": "photographs", "title": "A corner", "kind": "file",
            "subject": {"type": "contribution", "id": subject["id"]}})
        assert made.status == 201, made
        path = f"/v1/evidence/{made.json['id']}"
        hold = self.held(make, uploader.person["id"])
        for client in (uploader.client, fellow.client):
            found = problem(client.delete(path, "*"), 409, "conflict")
            assert hold["id"] not in found["detail"] and "legal" not in found["detail"]
            assert "Ask head office" in found["detail"]
        self.is_kept(head, path, hold)

    def test_of_a_file_by_another(self, make, head, world):
        """It would be gone, and the evidence be somebody else's."""
        school = make.school()
        uploader, fellow = (world.people.coordinator(school) for _ in range(2))
        subject = make.contribution(school_id=school["id"])
        made = uploader.client.post("/v1/evidence", {
            "school_id": school["id"], "part": "photographs", "title": "A corner", "kind": "file",
            "subject": {"type": "contribution", "id": subject["id"]}}).json
        assert files.upload(uploader.client, made).status == 201
        hold = self.held(make, uploader.person["id"])
        path = f"/v1/evidence/{made['id']}"
        before = head.get(path + "/file").body
        for client in (uploader.client, fellow.client, head):
            found = problem(files.upload(client, made, b"Another."), 409, "conflict")
            assert (hold["id"] in found["detail"]) == (client is head)
        assert head.get(path + "/file").body == before

    def test_of_others_go_on(self, make, head):
        enquiry = enquiries.send(make)
        self.held(make, make.person()["id"])
        self.held(make, enquiry["person_id"], placed_on=day(-2), lifted_on=day(-1))
        assert head.delete(f"/v1/enquiries/{enquiry['id']}", "*").status == 204


class TestBankHolidays:
    @pytest.mark.parametrize("date, kind", [
        ("2031-12-25", "added"), ("2022-06-03", "added"), ("2031-03-01", "added"),
        ("2031-03-04", "removed"), ("2022-05-30", "removed"), ("2031-03-01", "removed")])
    def test_tell_only_what_the_rule_does_not_know(self, make, date, kind):
        """Known days, days that were moved by proclamation, weekends."""
        body = make.example("bank_holiday", day=date, kind=kind)
        invalid(make.client.post(HOLIDAYS, body), "/day")

    def test_remove_what_the_rule_knows(self, make, head):
        made = make.bank_holiday(day="2031-12-26", kind="removed")
        assert head.delete(f"{HOLIDAYS}/{made['id']}", "*").status == 204

    def test_are_listed_by_day(self, make, head):
        first, second = sorted((make.bank_holiday() for _ in range(2)), key=lambda b: b["day"])
        found = head.get(f"{HOLIDAYS}?day_from={first['day']}&day_to={second['day']}&sort=day"
                         "&limit=200").json["items"]
        assert found[0] == first
        assert first["day"] <= found[-1]["day"] <= second["day"]
