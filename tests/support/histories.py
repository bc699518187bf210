"""Random histories of a programme, replayable by their seed: writers whose transactions overlap and are
committed late or never, and phones that are offline, lose answers, hear them twice, go back to what
they knew before, and push changes to what they hold.

One thread says who does what next, so that a seed is a history. Knows what may happen, not what a
phone shall hold.
"""

import collections
import json
import random
import uuid

from support.at_once import at_once
from support.phone import KINDS, Phone
from support.places import day
from support.psql import Psql
from support.pushes import change as pushed
from support.pushes import is_put_off, push, until_decided

COMMIT, ROLL_BACK = 0.25, 0.05  # of each turn of a writer that is at work
_SEEN = " UNION ALL ".join(f"SELECT '{kind}|' || replace(doc::text, E'\\n', ' ') FROM {kind}" for kind in KINDS)


class Writer:
    """Somebody of head office, one transaction after another."""

    def __init__(self, cluster):
        self.psql, self.at_work = Psql(cluster), False
        self.psql.ask("SET ROLE iqm_server; SET lock_timeout = '15ms'; "
                      "SELECT set_config('iqm.roles', '{head_office}', false)")

    def turn(self, chance, change):
        """A change more, or the end of the transaction. Whether a change was made."""
        if not self.at_work:
            self.psql.ask("BEGIN")
            self.at_work = True
        elif (what := chance.random()) < COMMIT + ROLL_BACK:
            self.end("COMMIT" if what < COMMIT else "ROLLBACK")
            return False
        if self.psql.ask(change) is None:
            self.end("ROLLBACK")
            return False
        return True

    def end(self, how):
        if self.at_work:
            self.psql.ask(how)
        self.at_work = False


def _sql(value):
    return "'" + json.dumps(value).replace("'", "''") + "'"


def _change(kind, record, /, **members):
    return (f"UPDATE {kind} SET version = version + 1, doc = document_with(doc, json_build_object("
            f"'version', version + 1)), written_by = NULL WHERE id = '{record}'; "
            f"UPDATE {kind} SET doc = document_with(doc, {_sql(members)}::json), "
            f"version = version WHERE id = '{record}'") if not members else (
        f"UPDATE {kind} SET version = version + 1, doc = document_with(document_with(doc, "
        f"{_sql(members)}::json), json_build_object('version', version + 1)) WHERE id = '{record}'")


class Programme:
    """A few clusters with all that belongs to them; `owner` made them through the API."""

    def __init__(self, make, people):
        self.make = make
        self.clusters = [make.cluster()["id"] for _ in range(4)]
        self.schools = [make.school(cluster_id=self.clusters[n % 4])["id"] for n in range(9)]
        self.leaders = [people.leader(make.cluster()) for _ in range(4)]
        self.coordinators = [people.coordinator({"id": school}) for school in self.schools[:3]]
        self.examples = {}
        for kind in ("meeting", "attendance", "contribution", "evidence", "assignment", "review",
                     "person", "succession"):
            self.examples[kind] = make.create(kind)
        self.awards = [make.award(school_id=school)["id"] for school in self.schools]
        self.alive = {kind: [] for kind in self.examples}
        self.newcomers()

    def phones(self, each):
        """So many of each person, which were told different things last."""
        people = [(one, "{ambassador}") for one in self.leaders] + \
            [(one, "{school}") for one in self.coordinators]
        return [(Phone(one.client), one.account["id"], roles) for one, roles in people * each]

    def person_document(self, record):
        """In clear text, as the database has it not."""
        return self.make.client.get(f"/v1/people/{record}").json

    def newcomers(self):
        """People have keys of their own, which the server makes."""
        self.alive["person"] += [self.make.person()["id"] for _ in range(2)]

    def make_sql(self, chance, kind, /, **members):
        record = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        self.alive[kind].append(record)
        document = {**self.examples[kind], **members, "id": record, "version": 1}
        document = {name: value for name, value in document.items() if value is not None}
        return f"INSERT INTO {kind} (id, version, doc) VALUES ('{record}', 1, {_sql(document)})"

    def some(self, chance, kind):
        """A record that may or may not be there."""
        return chance.choice(self.alive[kind][-12:]) if self.alive[kind] else str(uuid.UUID(int=0))

    # ---- what happens ----

    def meeting(self, chance):
        cluster = chance.choice([*self.clusters, None])
        invited = chance.sample(self.schools, chance.choice([0, 0, 2]))
        return self.make_sql(chance, "meeting", cluster_id=cluster,
                             kind="additional" if cluster is None or invited else "cluster",
                             host_school_id=chance.choice(self.schools) if cluster is None else None,
                             invited_school_ids=invited or None)

    def meeting_changes(self, chance):
        return _change("meeting", self.some(chance, "meeting"), notes=f"Note {chance.random()}",
                       **chance.choice([{}, {"cluster_id": chance.choice(self.clusters)}]))

    def attendance(self, chance):
        return self.make_sql(chance, "attendance", meeting_id=self.some(chance, "meeting"),
                             school_id=chance.choice(self.schools))

    def attendance_changes(self, chance):
        return _change("attendance", self.some(chance, "attendance"),
                       school_id=chance.choice(self.schools))

    def deletion(self, chance):
        kind = chance.choice(["meeting", "attendance", "attendance", "contribution", "evidence",
                              "evidence", "review", "succession"])
        return f"DELETE FROM {kind} WHERE id = '{self.some(chance, kind)}'"

    def school_moves(self, chance):
        return _change("school", chance.choice(self.schools),
                       cluster_id=chance.choice([*self.clusters, None]))

    def contribution(self, chance):
        return self.make_sql(chance, "contribution", school_id=chance.choice(self.schools),
                             visibility=chance.choice(["cluster", "programme", "public"]))

    def contribution_changes(self, chance):
        return _change("contribution", self.some(chance, "contribution"), **chance.choice([
            {"visibility": chance.choice(["cluster", "programme"])},
            {"school_id": chance.choice(self.schools)}, {"impact": f"{chance.random()}"}]))

    def evidence(self, chance):
        kind = chance.choice(["contribution", "contribution", "meeting", "review"])
        return self.make_sql(chance, "evidence", school_id=chance.choice(self.schools),
                             subject={"type": kind, "id": self.some(chance, kind)})

    def review(self, chance):
        number = chance.randrange(len(self.awards))
        return self.make_sql(chance, "review", award_id=self.awards[number],
                             school_id=self.schools[number])

    def review_goes_on(self, chance):
        return _change("review", self.some(chance, "review"),
                       status=chance.choice(["scheduled", "visited", "reported", "signed_off"]))

    def assignment(self, chance):
        return self.make_sql(
            chance, "assignment", ambassador_id=chance.choice(self.leaders).ambassador["id"],
            cluster_id=chance.choice(self.clusters), starts_on=day(-chance.randrange(3)),
            ends_on=chance.choice([None, day(chance.randrange(-3, 3)), day(300)]))

    def assignment_ends(self, chance):
        return _change("assignment", self.some(chance, "assignment"),
                       ends_on=chance.choice([day(-1), day(0), day(300)]), starts_on=day(-3))

    def assignment_goes(self, chance):
        return (f"DELETE FROM assignment WHERE cluster_id = '{chance.choice(self.clusters)}'")

    def person_moves(self, chance):
        return _change("person", self.some(chance, "person"), school_id=chance.choice(self.schools))

    def person_is_erased(self, chance):
        return (f"RESET ROLE; SELECT anonymise_person('{self.some(chance, 'person')}'); "
                "SET ROLE iqm_server")

    def succession(self, chance):
        old, new = chance.sample(self.schools, 2)
        return self.make_sql(chance, "succession", predecessor_id=old, successor_id=new)

    def coordinator_moves(self, chance):
        account = chance.choice(self.coordinators).account["id"]
        return _change("account", account, school_id=chance.choice(self.schools))

    HAPPENINGS = [meeting, meeting, meeting_changes, meeting_changes, attendance, attendance,
                  attendance_changes, deletion, deletion, school_moves, contribution,
                  contribution_changes, contribution_changes, evidence, evidence, review,
                  review_goes_on, assignment, assignment, assignment_ends, assignment_goes,
                  person_moves, person_is_erased, succession, coordinator_moves]

    # ---- what phones do ----

    def phone_makes(self, chance, phone):
        """Who came to a meeting, perhaps before that it was held."""
        clusters = sorted(phone.ids("cluster"))
        meeting, attendance = (str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(2))
        made = [pushed("create", "meeting", meeting, document=self.make.example(
            "meeting", cluster_id=chance.choice(clusters or self.clusters), host_school_id=None,
            notes=f"Note {uuid.uuid4()}")),
            pushed("create", "attendance", attendance, document={
                "meeting_id": meeting, "school_id": chance.choice(self.schools), "status": "present"})]
        self.alive["meeting"].append(meeting)
        self.alive["attendance"].append(attendance)
        return made if chance.random() < 0.8 else made[::-1]

    def phone_changes(self, chance, phone):
        """What it holds, twice in a row: the second is made on what the first will have left. Now and then
        on what it held before."""
        kind, member = ("meeting", "notes") if phone.leads else ("contribution", "impact")
        held = sorted(phone.ids(kind))
        if not held:
            return []
        record = chance.choice(held)
        version = max(1, phone.held[kind, record]["version"] - chance.choice([0, 0, 1]))
        return [pushed("update", kind, record, version + n, {member: f"Note {uuid.uuid4()}"})
                for n in range(2)]

    def phone_withdraws(self, chance, phone):
        """A meeting is made and deleted: nobody can have come to it, unless that was told first."""
        if not phone.leads:
            return []
        meeting = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        return [pushed("create", "meeting", meeting, document=self.make.example(
            "meeting", cluster_id=chance.choice(self.clusters), host_school_id=None, notes=f"Note {uuid.uuid4()}")),
            pushed("delete", "meeting", meeting, 1), pushed("create", "attendance", document={
                "meeting_id": meeting, "school_id": chance.choice(self.schools), "status": "present"})]

    def phone_deletes(self, chance, phone):
        held = sorted(phone.ids("attendance"))
        return [pushed("delete", "attendance", record, phone.held["attendance", record]["version"])
                for record in chance.sample(held, min(1, len(held)))]


def _told(result):
    return result["client_id"], result["outcome"], result.get("problem", {}).get("type")


class Pushes:
    """What one phone has to send, and what it was told; told once, it may not be told otherwise."""

    def __init__(self, phone):
        self.phone, self.batch, self.first, self.moves = phone, [], None, None
        self.outcomes = {}  # by the texts that were to be written

    def send_at_once(self):
        """The same three times over, as where answers are slow: what is put off is none, or all from one on."""
        told = []

        def send(own):
            answer = own.post("/v1/sync", {"changes": self.batch})
            told.append(answer.json["results"])
            return answer

        assert at_once(self.phone.client, [send] * 3) == [200] * 3
        last = until_decided(self.phone, *self.batch)
        for results in told:
            waits = [is_put_off(one) for one in results]
            assert waits == sorted(waits), results
            assert [_told(one) for one in results if not is_put_off(one)] == [
                _told(one) for one in last[:waits.count(False)]], (results, last)

    def send(self, chance, moves):
        """Whether the answer was heard. Documents are kept only where nothing was pulled meanwhile."""
        if chance.random() < 0.3:
            self.send_at_once()
        results = push(self.phone, *self.batch)
        outcomes = [_told(one) for one in results]
        assert all(one.get("problem", {"status": 412})["status"] < 429 for one in results), results
        assert self.first in (None, outcomes), (self.first, outcomes)
        if [one["method"] for one in self.batch] == ["create", "delete", "create"]:  # withdrawn
            assert [one["outcome"] for one in results] in (["applied"] * 2 + ["refused"], ["refused"] * 3), results
        self.moves = moves if self.first is None else self.moves
        self.first = outcomes
        if chance.random() < 0.3:
            return None
        for change, result in zip(self.batch, results):
            self.keep(change, result, moves)
        self.batch, self.first = [], None
        return results

    def keep(self, change, result, moves):
        key, outcome = (change["type"], change["id"]), result["outcome"]
        document = change.get("document", {})
        self.outcomes[document.get("notes") or document.get("impact")] = outcome
        if outcome == "conflict" and "current" in result:  # else it went since
            assert result["current"]["version"] != change["base_version"], result
        if outcome == "applied" and self.phone.since and self.moves == moves:
            if change["method"] == "delete":
                self.phone.held.pop(key, None)
            else:
                self.phone.held[key] = result["document"]


class Histories:
    """`may_see` of each person is asked in a session that stays."""

    def __init__(self, cluster, programme, each=1, writers=4):
        self.cluster, self.programme, self.count = cluster, programme, writers
        self.phones = programme.phones(each)
        self.made = collections.Counter()  # changes, by what happened
        self.read, self.people = {}, {}    # documents by their text; those of people by id and version
        self.pushes = {phone: Pushes(phone) for phone, *_ in self.phones}
        for phone, _, roles in self.phones:
            phone.leads = "ambassador" in roles
        self.begin()

    def begin(self):
        self.writers = [Writer(self.cluster) for _ in range(self.count)]
        self.watch = Psql(self.cluster)
        self.watch.ask("SET ROLE iqm_server")
        self.past = Psql(self.cluster, user="postgres")

    def end(self):
        for session in [one.psql for one in self.writers] + [self.watch, self.past]:
            session.close()

    def may_see(self, actor, roles):
        """Every document, by kind and id."""
        self.watch.ask(f"SELECT set_config('iqm.roles', '{roles}', false), "
                       f"set_config('iqm.actor', '{actor}', false)")
        seen = {}
        for row in self.watch.ask(_SEEN):
            kind, _, text = row.partition("|")
            if text not in self.read:
                self.read[text] = json.loads(text)
            document = self.read[text]
            record = document["id"]
            if kind == "person":
                version = record, document["version"]
                if version not in self.people:
                    self.people[version] = self.programme.person_document(record)
                document = self.people[version]
            seen[kind, record] = document
        return seen

    def pull(self, chance, phone):
        """One page; perhaps the answer is lost, or is heard again later."""
        answer = phone.ask(limit=chance.choice([1, 3, 20, 500]))
        if answer.status == 410:
            phone.forget()
            return
        assert answer.status == 200, answer
        if chance.random() < 0.15:
            return
        phone.take(answer.json)
        if chance.random() < 0.1:
            phone.take(answer.json)

    def push(self, chance, phone):
        """What was not answered yet, or something new. Who waits for a writer would be put off."""
        pushes = self.pushes[phone]
        for writer in self.writers:
            writer.end("COMMIT")
        if not pushes.batch:
            pushes.batch = chance.choice([
                self.programme.phone_makes, self.programme.phone_changes, self.programme.phone_changes,
                self.programme.phone_deletes, self.programme.phone_withdraws])(chance, phone)
        if pushes.batch:
            for one in pushes.send(chance, (phone.pages, phone.since)) or ():
                self.made["pushed_" + one["outcome"]] += 1

    def turn(self, chance):
        what = chance.random()
        if what < 0.7:
            happening = chance.choice(self.programme.HAPPENINGS)
            change = happening(self.programme, chance)
            if chance.choice(self.writers).turn(chance, change):
                self.made[happening.__name__] += 1
            return
        phone = chance.choice(self.phones)[0]
        if what < 0.9:
            self.pull(chance, phone)
        elif what < 0.96:
            self.push(chance, phone)
        elif what < 0.97:
            phone.forget()
        elif what < 0.985:
            phone.saved = dict(phone.held), phone.since
        elif getattr(phone, "saved", None):
            phone.held, phone.since = dict(phone.saved[0]), phone.saved[1]

    def run(self, seed, turns=40):
        """One history, of which most phones hear nothing; then the others come to rest."""
        chance = random.Random(seed)
        self.programme.newcomers()
        everybody = self.phones
        self.phones = chance.sample(everybody, 1 + chance.randrange(len(everybody) * 2 // 3))
        for _ in range(turns):
            self.turn(chance)
        for writer in self.writers:
            writer.end(chance.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
        # Ids that chance chose again would be refused: they are of records that stay.
        rests = self.rest()
        self.phones = everybody
        return rests

    def rest(self):
        """Of each phone, while nobody writes: what it holds otherwise than its person may see it."""
        self.read = {}
        seen = {(actor, roles): self.may_see(actor, roles)
                for actor, roles in {tuple(rest) for _, *rest in self.phones}}
        return [self.differences(phone, seen[actor, roles]) for phone, actor, roles in self.phones]

    def differences(self, phone, seen):
        """Kind and id of what the phone holds too much or as it is not, and of what it lacks."""
        while True:
            answer = phone.ask()
            if answer.status == 410:
                phone.forget()
                continue
            assert answer.status == 200, answer
            phone.take(answer.json)
            if not answer.json["more"]:
                break
        self.hold_to_outcomes(self.pushes[phone].outcomes)
        held = phone.held
        return {one for one in held if held[one] != seen.get(one)}, seen.keys() - held.keys()

    def hold_to_outcomes(self, outcomes):
        """What was applied was written once, in one version that was not so before; all else never."""
        wanted = {text: outcome == "applied" for text, outcome in outcomes.items() if text}
        outcomes.clear()
        if not wanted:
            return
        texts = ", ".join(f"'{text}'" for text in wanted)
        rows = self.past.ask(f"""WITH docs AS (
            SELECT 'meeting' AS kind, id, version, doc FROM meeting
            UNION ALL SELECT 'contribution', id, version, doc FROM contribution
            UNION ALL SELECT resource, id, version, doc FROM history
                WHERE resource IN ('meeting', 'contribution')),
          said AS (SELECT kind, id, version, coalesce(doc->>'notes', doc->>'impact') AS text FROM docs),
          begun AS (SELECT text, lag(text) OVER (PARTITION BY kind, id ORDER BY version) AS before FROM said)
            SELECT text, count(*) FROM begun
            WHERE text IN ({texts}) AND text IS DISTINCT FROM before GROUP BY text""")
        found = dict(row.split("|") for row in rows)
        assert found == {text: "1" for text, applied in wanted.items() if applied}, (found, wanted)
