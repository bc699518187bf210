"""Erasing somebody who is at work, and whom others write about, at that very moment: every write is
either before the erasure, and goes with the person, or is refused as documented."""

import itertools
import threading
import time

from support import consents, enquiries, files
from support.client import Client
from support.people import SignIn


class Writers:
    """Threads that write as fast as they may, and note how each was answered."""

    def __init__(self, *works):
        self.over, self.failures = threading.Event(), []
        self.answers = {work.__name__: [] for work in works}
        self.threads = [threading.Thread(target=self._run, args=(work,), daemon=True)
                        for work in works]

    def _run(self, work):
        try:
            while not self.over.is_set():
                self.answers[work.__name__].append(work())
        except BaseException as error:  # told by whoever waits for it
            self.failures.append((work.__name__, repr(error)))

    def start(self):
        for thread in self.threads:
            thread.start()

    def wait_for_each(self, count):
        """Until each has written that often more."""
        wanted = {name: len(got) + count for name, got in self.answers.items()}
        deadline = time.monotonic() + 120
        while any(len(self.answers[name]) < most for name, most in wanted.items()):
            assert time.monotonic() < deadline and not self.failures, self.failures
            time.sleep(0.01)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a writer hangs"
        assert self.failures == []


class AtWork:
    """What a coordinator does, what head office does about them, and what anybody does."""

    def __init__(self, stage, server, make, people):
        self.stage, self.port, self.make, self.app = stage, server.port, make, people.app()
        self.school = make.school()
        self.person = people.person("school", school_id=self.school["id"])
        self.id = self.person.document["id"]
        self.path = f"/v1/people/{self.id}"
        self.subject = make.contribution(school_id=self.school["id"])
        self.wording = consents.in_force(make.client)["marketing"]["wording_id"]
        self.form = enquiries.body(make, marketing=True, email=self.person.email)
        self.token = SignIn(Client(self.port), self.app).tokens(self.person)["access_token"]
        self.number = itertools.count()

    def own(self):
        return Client(self.port, self.token)

    def head(self):
        return Client(self.port, self.make.client.token)

    def works(self):
        """Each with a connection of its own."""
        own, head = [self.own() for _ in range(7)], [self.head() for _ in range(5)]
        anyone = [Client(self.port) for _ in range(3)]

        def sign_in():
            return SignIn(anyone[0], self.app).send(self.person.email, self.person.password).status

        def redeem():
            way = SignIn(anyone[1], self.app)
            answer = way.send(self.person.email, self.person.password)
            if answer.status != 303:
                return answer.status
            code = answer.header("Location").partition("code=")[2].partition("&")[0]
            return way.redeem(code).status

        def read_oneself():
            return own[0].get("/v1/me").status

        def change_oneself():
            return own[1].patch(self.path, {"telephone": f"020 {next(self.number):09d}"},
                                match="*").status

        def consent():
            return own[2].post("/v1/consent-records", {
                "person_id": self.id, "purpose": "marketing", "granted": True,
                "wording_id": self.wording}).status

        def withdraw():
            return own[3].post("/v1/consent-records", {
                "person_id": self.id, "purpose": "marketing", "granted": False}).status

        def ask():
            return own[4].post("/v1/privacy-requests", {
                "person_id": self.id, "kind": "access", "details": "What is there?"}).status

        def upload():
            made = own[5].post("/v1/evidence", {
                "school_id": self.school["id"], "part": "photographs", "title": "A corner",
                "subject": {"type": "contribution", "id": self.subject["id"]}, "kind": "file"})
            return made.status if made.status != 201 else files.upload(own[5], made.json).status

        def change_about():
            return head[0].patch(self.path, {"job_title": f"Cook {next(self.number)}"},
                                 match="*").status

        def consent_about():
            return head[1].post("/v1/consent-records", {
                "person_id": self.id, "purpose": "contact", "granted": False,
                "note": "By telephone."}).status

        def ask_about():
            return head[2].post("/v1/privacy-requests", {
                "person_id": self.id, "kind": "access", "details": "By telephone."}).status

        def change_account():
            return head[3].patch(f"/v1/accounts/{self.person.id}", {
                "roles": ["school", "ambassador"] if next(self.number) % 2 else ["school"]},
                match="*").status

        def enquire():
            return anyone[2].post("/v1/enquiries", self.form).status

        def list_sign_ins():
            return own[6].get("/v1/me/sessions").status

        return [sign_in, redeem, read_oneself, change_oneself, consent, withdraw, ask, upload,
                change_about, consent_about, ask_about, change_account, enquire, list_sign_ins]

    def left(self):
        """What an erasure takes away and is still, or again, there."""
        return self.stage.cluster.psql(f"""
            SELECT place, count FROM count_places('{self.id}') WHERE on_erasure = 'delete'
            UNION ALL SELECT 'session', count(*) FROM session WHERE account_id = '{self.person.id}'
                HAVING count(*) > 0
            UNION ALL SELECT 'token', count(*) FROM token WHERE account_id = '{self.person.id}'
                HAVING count(*) > 0
            UNION ALL SELECT 'code', count(*) FROM authorization_code
                WHERE account_id = '{self.person.id}' HAVING count(*) > 0
            UNION ALL SELECT 'account', count(*) FROM account WHERE person_id = '{self.id}'
                HAVING count(*) > 0
            UNION ALL SELECT 'evidence', count(*) FROM evidence
                WHERE uploader_person_id = '{self.id}' HAVING count(*) > 0
            UNION ALL SELECT 'history', count(*) FROM history
                WHERE id IN ('{self.id}', '{self.person.id}') HAVING count(*) > 0
            UNION ALL SELECT 'outbox', count(*) FROM outbox WHERE person_id = '{self.id}'
                HAVING count(*) > 0""")


# What each may be answered with: first while the person is there, then when not any more.
ANSWERS = {"sign_in": {303, 403, 429}, "redeem": {200, 400, 403, 429}, "read_oneself": {200, 401},
           "change_oneself": {200, 401, 404}, "consent": {201, 401, 422},
           "withdraw": {201, 401, 422}, "ask": {201, 401, 422},
           "upload": {201, 401, 403, 404, 422}, "change_about": {200, 404},
           "consent_about": {201, 422}, "ask_about": {201, 422}, "change_account": {200, 404},
           "enquire": {202}, "list_sign_ins": {200, 401}}


def failed(server):
    """What PostgreSQL refused."""
    return sorted({(line["statement"], line["sqlstate"])
                   for line in server.find_log(event="statement_failed")})


def test_writers_lose_cleanly(stage, server, make, people):
    work = AtWork(stage, server, make, people)
    writers = Writers(*work.works())
    writers.start()
    try:
        writers.wait_for_each(4)
        done = work.head().post(work.path + "/erasure", {})
        assert done.status == 201, (done, failed(server))
        writers.wait_for_each(4)
    finally:
        writers.stop()
    wrong = {name: set(got) - ANSWERS[name] for name, got in writers.answers.items()
             if set(got) - ANSWERS[name]}
    assert wrong == {}, failed(server)
    assert all(min(got) < 400 for got in writers.answers.values()), "none wrote before it was over"
    assert work.left() == ""
    assert stage.cluster.psql(f"SELECT count(*) FROM person_key WHERE person_id = '{work.id}'",
                              database="iqm_keys") == "0"
    assert work.head().get(work.path).status == 404
