"""Clusters at work, and people who belong to them: what permissions are tried out on.

Records are made as head office through the API. People sign in straight in the database, as the
owner: what the sign-in pages do is not asked here. Knows no operation and no expectation.
"""

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Optional

from support import confidential, consents, enquiries, files, hooks, steps
from support.client import Client
from support.places import day
from support.resources import FRAMEWORKS, given, plan_of, project_of, term_dates, update_of

PLACES = ("own", "same", "foreign")
SCOPES = ["schools:read", "meetings:read"]  # of clients; tokens here have all


@dataclass
class Caller:
    """Somebody with a token, and the records that make them who they are."""
    client: Client
    person: dict
    account: dict
    ambassador: Optional[dict] = None
    assignment: Optional[dict] = None


class People:
    """Makes people with accounts, and tokens for them."""

    def __init__(self, make, stage, port):
        self.make, self.stage, self.port = make, stage, port
        self.application = self.new_client()

    def new_client(self):
        return self._create("/v1/clients", self.client_body())

    def client_body(self):
        return {"name": self.make.name("Application"), "kind": "confidential", "scopes": SCOPES,
                "redirect_uris": ["https://front.example/back"], "origins": []}

    def _create(self, collection, body):
        response = self.make.client.post(collection, body)
        assert response.status == 201, response
        return response.json

    def account(self, person, *roles, school=None):
        body = {"person_id": person["id"], "roles": list(roles), "suspended": False}
        if school is not None:
            body["school_id"] = school["id"]
        return self._create("/v1/accounts", body)

    def _token(self, columns):
        """A client with a new token. `columns`: SQL values by name, and statements before it."""
        token = confidential.note("iqm_" + secrets.token_urlsafe(32))
        digest = hashlib.blake2b(token.encode(), key=bytes.fromhex(self.stage.key), digest_size=32)
        columns = {"id": "uuid7()", "hash": f"'\\x{digest.hexdigest()}'", "name": "'world'",
                   "scopes": "'{*}'", "client_id": f"'{self.application['id']}'", **columns}
        return Client(self.port, token), (f"INSERT INTO token ({', '.join(columns)}) "
                                          f"VALUES ({', '.join(columns.values())});")

    def sign_in(self, account):
        """A client with a token of the account, which is activated by that."""
        session = uuid.uuid4()
        client, insert = self._token({"account_id": f"'{account['id']}'", "roles": "'{school}'",
                                      "session_id": f"'{session}'"})
        self.stage.cluster.psql(f"""
            UPDATE account SET version = version + 1, doc = document_with(doc, json_build_object(
                'version', version + 1, 'activated_at', time_text(now())))
            WHERE id = '{account['id']}' AND NOT activated;
            INSERT INTO session (id, account_id, client_id, scopes)
            VALUES ('{session}', '{account['id']}', '{self.application['id']}', '{{*}}');
            {insert}""", user="iqm_owner")
        client.session = str(session)
        return client

    def application_itself(self):
        """The registered client's own token."""
        client, insert = self._token({"roles": "'{client}'"})
        self.stage.cluster.psql(insert, user="iqm_owner")
        return client

    def somebody(self, *roles, school=None):
        person = self.make.person(school_id=school and school["id"])
        account = self.account(person, *roles, school=school)
        return Caller(self.sign_in(account), person, account)

    def coordinator(self, school):
        return self.somebody("school", school=school)

    def leader(self, cluster, starts=-30, ends=None, roles=("ambassador",), school=None):
        """An ambassador with an assignment from and to so many days from today."""
        caller = self.somebody(*roles, school=school)
        caller.ambassador = self.make.ambassador(person_id=caller.person["id"])
        caller.assignment = self.assign(caller.ambassador, cluster, starts, ends)
        return caller

    def assign(self, ambassador, cluster, starts, ends=None):
        return self.make.assignment(
            ambassador_id=ambassador["id"], cluster_id=cluster["id"], starts_on=day(starts),
            ends_on=None if ends is None else day(ends))


class World:
    """Three places, as the coordinator of a school and the ambassador of its cluster see them:
    `own` the school's, `same` another school's of its cluster, `foreign` another cluster's.

    Beside them `past` and `future`: clusters the ambassador led and will lead.
    """

    def __init__(self, make, stage, port):
        self.make = make
        self.people = People(make, stage, port)
        self._make_clusters()
        self._make_people()
        self._make_work()

    def _make_clusters(self):
        cluster = self.make.cluster()
        self.clusters = {"own": cluster, "same": cluster}
        for place in ("foreign", "past", "future"):
            self.clusters[place] = self.make.cluster()
        self.schools = {place: self.make.school(cluster_id=cluster["id"])
                        for place, cluster in self.clusters.items()}

    def _make_people(self):
        people, clusters, schools = self.people, self.clusters, self.schools
        self.ambassador = people.leader(clusters["own"])
        self.stranger = people.leader(clusters["foreign"])
        self.coordinators = {place: people.coordinator(schools[place]) for place in PLACES}
        self.officer = people.somebody("head_office")
        former = self.make.ambassador()
        self.ambassadors = {"own": self.ambassador.ambassador, "same": former,
                            "foreign": self.stranger.ambassador}
        self.assignments = {
            "own": self.ambassador.assignment, "foreign": self.stranger.assignment,
            "same": people.assign(former, clusters["own"], -400, -31),
            "past": people.assign(self.ambassador.ambassador, clusters["past"], -400, -31),
            "future": people.assign(self.ambassador.ambassador, clusters["future"], 30, 400)}
        self.callers = {"head_office": self.officer.client, "ambassador": self.ambassador.client,
                        "school": self.coordinators["own"].client,
                        "client": people.application_itself(),
                        "anonymous": Client(people.port)}

    def _make_work(self):
        places = tuple(self.clusters)
        self.meetings = {place: self.fresh("meeting", place) for place in places}
        self.attendances = {
            place: self.make.create("attendance", meeting_id=self.meetings[place]["id"],
                                    school_id=self.schools[place]["id"]) for place in places}
        self.awards = {place: self._kept_award(place) for place in places}
        self.reviews = {place: self.fresh("review", place) for place in places}
        self.plans = {place: self.fresh("plan", place) for place in PLACES}
        self.projects = {place: self.fresh("project", place) for place in PLACES}
        self.project_updates = {place: self.fresh("project_update", place) for place in PLACES}
        self.contributions = {place: self.fresh("contribution", place) for place in places}
        self.evidence = {place: self._kept_evidence(place) for place in PLACES}
        self.successions = {place: self.fresh("succession", place) for place in PLACES}
        self.term_dates = {place: self.make.term_dates() for place in PLACES}
        self.frameworks = {place: self.make.framework() for place in PLACES}
        self.clients = {place: self.people.new_client() for place in PLACES}
        self.enquiries = {place: self.fresh("enquiry", place) for place in PLACES}
        self.consent_wordings = {place: consents.shipped(self.make.client) for place in PLACES}
        self.consent_records = {}
        self.erasures = {place: self._erasure() for place in PLACES}
        self.retention_sweeps = {place: self._sweep() for place in PLACES}
        self.bank_holidays = {place: self.make.bank_holiday() for place in PLACES}
        self.legal_holds = {place: self.fresh("legal_hold", place) for place in PLACES}
        self.webhook_endpoints = {place: self.make.webhook_endpoint() for place in PLACES}
        self.webhook_deliveries = {place: self._delivery() for place in PLACES}
        self.privacy_requests = {place: self.fresh("privacy_request", place) for place in PLACES}

    def _erasure(self):
        """Of somebody who was made for it."""
        done = self.make.client.post(f"/v1/people/{self.make.person()['id']}/erasure", {})
        assert done.status == 201, done
        return done.json

    def _delivery(self):
        """Of an event that was made up, to where nobody is."""
        return hooks.undelivered(self.make)

    def _sweep(self):
        """An entry of the ledger; nothing was deleted for it."""
        entry = {"id": str(uuid.uuid4()), "rule": "mail", "place": "outbox", "rows": 1,
                 "due_before": "2020-01-01T00:00:00.000Z", "swept_at": "2020-02-01T00:00:00.000Z",
                 "certificate": "a.b.c"}
        self.people.stage.cluster.psql(f"SELECT record_sweep('{json.dumps(entry)}')",
                                       user="iqm_server")
        return entry

    def _kept_award(self, place):
        """Of another level than those that are made anew."""
        level = "centre_of_excellence"
        self.fresh("award", place)
        return self.make.award(school_id=self.schools[place]["id"], level=level,
                               framework_id=FRAMEWORKS[level])

    def kept(self, resource, place, role):
        """The record of this place that stays: the caller's own where it is about a person."""
        if resource in ("person", "account"):
            caller = self.coordinators[place]
            if place == "own":
                caller = {"head_office": self.officer,
                          "ambassador": self.ambassador}.get(role, caller)
            return getattr(caller, resource)
        if resource == "consent_record":
            return self._consent_of(self.kept("person", place, role))
        if resource == "enquiry":
            return self.enquiries[place]
        if resource == "webhook_delivery":
            return self.webhook_deliveries[place]
        plural = resource if resource in ("term_dates", "evidence") else resource + "s"
        return getattr(self, plural)[place]

    def _consent_of(self, person):
        """One that stays."""
        if person["id"] not in self.consent_records:
            self.consent_records[person["id"]] = consents.grant(self.make.client, person)
        return self.consent_records[person["id"]]

    def body(self, resource, place):
        """What a new record of this place is made of."""
        own = getattr(self, f"_{resource}", None)
        return own(place) if own else self.make.example(resource)

    def fresh(self, resource, place):
        if resource == "enquiry":
            return enquiries.send(self.make)
        collection = {"account": "/v1/accounts", "client": "/v1/clients"}.get(resource)
        if collection is None:
            return self.make.create(resource, **self.body(resource, place))
        return self.people._create(collection, self.body(resource, place))

    def _school(self, place):
        return self.make.example("school", cluster_id=self.clusters[place]["id"])

    def _assignment(self, place):
        """Long ago, so that nobody sees more by it."""
        return {"ambassador_id": self.ambassadors[place]["id"],
                "cluster_id": self.make.cluster()["id"],
                "starts_on": "2001-09-01", "ends_on": "2002-08-31"}

    def _succession(self, place):
        return self.make.example("succession", successor_id=self.schools[place]["id"])

    def _term_dates(self, _place):
        return term_dates(self.make)

    def _meeting(self, place):
        """Of the kind that schools, too, set up."""
        return self.make.example("meeting", kind="additional",
                                 cluster_id=self.clusters[place]["id"],
                                 host_school_id=self.schools[place]["id"])

    def _attendance(self, place):
        return {"meeting_id": self.fresh("meeting", place)["id"],
                "school_id": self.schools[place]["id"], "status": "present"}

    def _award(self, place):
        """A school has one of a level at a time: it withdraws from what went before."""
        school, level = self.schools[place]["id"], "inclusive_school_award"
        for status in steps.rule(steps.STEPS["withdraw_award"])["from"]:
            found = self.make.client.get(
                f"/v1/awards?school_id={school}&level={level}&status={status}")
            for old in found.json["items"]:
                steps.take(self.make.client, "withdraw_award", old)
        return {"school_id": school, "level": level}

    def _review(self, place):
        return {"award_id": self.awards[place]["id"], "scheduled_on": "2025-06-10", "judgements": [],
                "assessor_person_id": self.make.person()["id"]}

    def _former(self, place, level):
        """An award of a school that this place's came from, as what is the school's own."""
        former = self.make.school()
        self.make.succession(predecessor_id=former["id"], successor_id=self.schools[place]["id"])
        return given(self.make, level, former)

    def _plan(self, place):
        return plan_of(self.make, self._former(place, "centre_of_excellence"),
                       school_id=self.schools[place]["id"])

    def _project(self, place):
        return project_of(self.make, self._former(place, "flagship"),
                          school_id=self.schools[place]["id"])

    def _project_update(self, place):
        return update_of(self.fresh("project", place))

    def _contribution(self, place):
        return self.make.example("contribution", school_id=self.schools[place]["id"])

    def _evidence(self, place):
        return self.make.example("evidence", school_id=self.schools[place]["id"], subject={
            "type": "contribution", "id": self.contributions[place]["id"]})

    def _kept_evidence(self, place):
        """With a file."""
        made = self.make.create("evidence", **{**self._evidence(place), "kind": "file", "url": None})
        return files.upload(self.make.client, made).json

    def _account(self, place):
        return {"person_id": self.make.person()["id"], "roles": ["school"], "suspended": False,
                "school_id": self.schools[place]["id"]}

    def _person(self, place):
        """Without how to sign in, which only head office says."""
        return {"name": confidential.note(f"Person of a school {self.make.number()}"),
                "telephone": confidential.note(f"020 795{self.make.number():08d}"),
                "school_id": self.schools[place]["id"], "job_title": "Teacher"}

    def _legal_hold(self, place):
        """On somebody that nobody signs in as."""
        person = self.make.person(school_id=self.schools[place]["id"])
        return self.make.example("legal_hold", person_id=person["id"])

    def _privacy_request(self, place):
        """Of the coordinator; in the same cluster, of its ambassador."""
        caller = self.ambassador if place == "same" else self.coordinators[place]
        return self.make.example("privacy_request", person_id=caller.person["id"])

    def _client(self, _place):
        return self.people.client_body()
