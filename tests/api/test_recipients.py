"""Who was given whose data by reading it: noted, whatever becomes of the server and of the person."""

import pytest

from support.client import Client
from support.expect import problem
from support.places import wait_for
from support.resources import Maker
from support.scratch import scratch_database
from support.serving import serving

NOTES = "note_client_reads(uuid[], uuid[])"


def given(psql, person):
    rows = psql("SELECT recipient_id, kind, what FROM recipient "
                f"WHERE person_id = '{person['id']}' ORDER BY 1, 3")
    return [tuple(row.split("|")) for row in rows.splitlines()]


def await_note(psql, person, *recipient):
    wait_for(lambda: recipient in given(psql, person), f"{recipient}, not {given(psql, person)}")


class TestReading:
    def test_with_an_operators_token(self, stage, head, make):
        person = make.person()
        assert head.get(f"/v1/people/{person['id']}").status == 200
        await_note(stage.cluster.psql, person, head.actor, "token", "api")
        preview = head.get(f"/v1/people/{person['id']}/erasure-preview").json
        assert (head.actor, "token") in {(r["recipient_id"], r["kind"]) for r in preview["recipients"]}

    def test_in_a_list(self, stage, head, make):
        person = make.person()
        assert person["id"] in [one["id"] for one in head.get(
            f"/v1/people?email={person['email']}").json["items"]]
        await_note(stage.cluster.psql, person, head.actor, "token", "api")

    def test_by_changing_one(self, stage, head, make):
        """The answer has the whole of it."""
        person = make.person()
        assert head.patch(f"/v1/people/{person['id']}", {}, match="*").status == 200
        await_note(stage.cluster.psql, person, head.actor, "token", "api")

    def test_not_by_telling_of_one(self, stage, head, make):
        person = make.person()
        other = make.person()
        assert head.get(f"/v1/people/{other['id']}").status == 200
        await_note(stage.cluster.psql, other, head.actor, "token", "api")
        assert given(stage.cluster.psql, person) == []


class TestWhoIsGone:
    def note(self, stage, person, head):
        """As a server does that comes with it a second later."""
        stage.cluster.psql(f"SELECT note_client_reads('{{{person['id']}}}', '{{{head.actor}}}')",
                           user="iqm_server")

    def test_erased(self, stage, head, make):
        """And nothing of the person comes back by it."""
        person = make.person()
        assert head.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
        self.note(stage, person, head)
        assert (head.actor, "token", "api") in given(stage.cluster.psql, person)
        problem(head.get(f"/v1/people/{person['id']}"), 404, "not_found")
        assert stage.cluster.psql(f"SELECT count(*) FROM person WHERE id = '{person['id']}'") == "1"

    def test_deleted(self, stage, head, make):
        person = make.person()
        self.note(stage, person, head)
        assert head.delete(f"/v1/people/{person['id']}", match="*").status == 204
        assert given(stage.cluster.psql, person) == [(head.actor, "token", "api")]


class TestNothingIsLost:
    @pytest.fixture(scope="class")
    def populated(self, stage):
        """More people than a worker notes at once, whom nobody has read."""
        with scratch_database(stage) as scratch:
            with scratch.served(scratch.token()) as client:
                make = Maker(client, stage.number)
                for _ in range(390):
                    make.person()
            yield scratch

    @pytest.fixture
    def scratch(self, stage, populated):
        with scratch_database(stage, populated) as scratch:
            scratch.psql("DELETE FROM recipient")
            yield scratch

    def read_all(self, client):
        """Answers, page by page; the last is the one that failed, if any did."""
        pages, target = [], "/v1/people?limit=200"
        while target:
            pages.append(client.get(target))
            link = pages[-1].header("Link")
            target = link and link[1:].split(">")[0]
        return pages

    def count(self, scratch):
        return int(scratch.psql("SELECT count(*) FROM recipient"))

    def test_when_the_server_is_stopped(self, scratch):
        with scratch.served(scratch.token()) as client:
            assert len(self.read_all(client)) == 2
        assert self.count(scratch) == 390

    def test_what_could_not_be_written_is_tried_again(self, scratch):
        with serving(scratch, IQM_WORKERS=1) as server:
            client = Client(server.port, scratch.token())
            scratch.psql(f"REVOKE EXECUTE ON FUNCTION {NOTES} FROM iqm_server")
            for _ in range(2):
                assert [page.status for page in self.read_all(client)] == [200, 200]
            assert self.count(scratch) == 0
            scratch.psql(f"GRANT EXECUTE ON FUNCTION {NOTES} TO iqm_server")
            wait_for(lambda: self.count(scratch) == 390, "all of them")
            client.close()

    def test_what_cannot_be_noted_is_not_given_out(self, scratch):
        scratch.psql(f"REVOKE EXECUTE ON FUNCTION {NOTES} FROM iqm_server")
        with serving(scratch, IQM_WORKERS=1, IQM_LIMIT_ADDRESS=0, IQM_LIMIT_TOKEN=0) as server:
            statuses = []
            while 503 not in statuses and len(statuses) < 200:
                client = Client(server.port, scratch.token())
                statuses += [page.status for page in self.read_all(client)]
                client.close()
            assert set(statuses) == {200, 503}
            read = len(statuses) - 1
            scratch.psql(f"GRANT EXECUTE ON FUNCTION {NOTES} TO iqm_server")
            wait_for(lambda: self.count(scratch) >= read // 2 * 390, "all that was given out")
            other = Client(server.port, scratch.token())
            assert [page.status for page in self.read_all(other)] == [200, 200]
            other.close()
