"""The story that every generated client lives through (run.py says its steps), with the client of
openapi-python-client."""

import base64
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.parse
import uuid
from http import HTTPStatus
from typing import Any, NoReturn

from iqm_client import AuthenticatedClient, Client
from iqm_client.api.clusters import create_cluster, get_cluster, list_clusters, patch_cluster
from iqm_client.api.me import get_me
from iqm_client.api.oauth import create_token, revoke_token
from iqm_client.api.sync import pull_changes, push_changes
from iqm_client.models.cluster import Cluster
from iqm_client.models.cluster_body import ClusterBody
from iqm_client.models.cluster_list import ClusterList
from iqm_client.models.merge_patch import MergePatch
from iqm_client.models.problem import Problem
from iqm_client.models.shown_token_form import ShownTokenForm
from iqm_client.models.sync_batch import SyncBatch
from iqm_client.models.sync_change import SyncChange
from iqm_client.models.sync_change_change import SyncChangeChange
from iqm_client.models.sync_page import SyncPage
from iqm_client.models.sync_pushed_change import SyncPushedChange
from iqm_client.models.sync_pushed_change_document import SyncPushedChangeDocument
from iqm_client.models.sync_pushed_change_method import SyncPushedChangeMethod
from iqm_client.models.sync_result import SyncResult
from iqm_client.models.sync_result_outcome import SyncResultOutcome
from iqm_client.models.sync_results import SyncResults
from iqm_client.models.sync_type import SyncType
from iqm_client.models.token_form import TokenForm
from iqm_client.models.tokens import Tokens
from iqm_client.types import UNSET, Unset

GIVEN = json.loads(os.environ["IQM_STORY"])
NOBODY = Client(base_url=GIVEN["url"])


def fail(what: str) -> NoReturn:
    sys.exit(what)


def done(step: str) -> None:
    print(f"done {step}", flush=True)


def is_problem(parsed: object, status: HTTPStatus, name: str) -> bool:
    return isinstance(parsed, Problem) and (parsed.status, parsed.type_) == (
        status, f"/problems/{name}")


def with_token(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=GIVEN["url"], token=token)


def tokens(form: TokenForm) -> Tokens:
    granted = create_token.sync(client=NOBODY, body=form)
    return granted if isinstance(granted, Tokens) else fail("no tokens")


def sign_in(who: str) -> Tokens:
    """Authorization code with PKCE; the person is at a browser, here the one who runs this."""
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(9)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    app: dict[str, str] = GIVEN["app"]
    query = urllib.parse.urlencode({
        "response_type": "code", "client_id": app["id"], "redirect_uri": app["redirect"],
        "state": state, "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256"})
    print(f"sign in {who} {GIVEN['url']}/oauth/authorize?{query}", flush=True)
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.stdin.readline().strip()).query))
    if back["state"] != state:
        fail("state")
    return tokens(TokenForm(
        grant_type="authorization_code", client_id=app["id"], redirect_uri=app["redirect"],
        code=back["code"], code_verifier=verifier))


def page() -> None:
    program: dict[str, str] = GIVEN["program"]
    granted = tokens(TokenForm(grant_type="client_credentials", client_id=program["id"],
                               client_secret=program["secret"]))
    done("program")
    api = with_token(granted.access_token)
    seen: set[uuid.UUID] = set()
    cursor: str | Unset = UNSET
    while True:
        found = list_clusters.sync(client=api, limit=2, cursor=cursor)
        if not isinstance(found, ClusterList) or len(found.items) > 2:
            fail(f"a page: {found}")
        seen |= {cluster.id for cluster in found.items}
        if found.next_ is None:
            break
        cursor = found.next_
    if len(seen) != GIVEN["clusters"]:
        fail(f"{len(seen)} clusters")
    done("page")


def create(api: AuthenticatedClient) -> Cluster:
    name = f"Cluster of Python {uuid.uuid4()}"
    key = f'"{uuid.uuid4()}"'
    body = ClusterBody(name=name, region="London")
    first = create_cluster.sync(client=api, body=body, idempotency_key=key)
    if not isinstance(first, Cluster) or first.name != name:
        fail(f"create: {first}")
    done("create")
    again = create_cluster.sync_detailed(client=api, body=body, idempotency_key=key)
    if not isinstance(again.parsed, Cluster) or again.parsed.id != first.id:
        fail("repeat")
    if again.headers["Idempotency-Replayed"] != "true":
        fail("replayed")
    done("repeat")
    other = create_cluster.sync(client=api, idempotency_key=key, body=ClusterBody(name=name + "2"))
    if not is_problem(other, HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency_key_reused"):
        fail("key reused")
    done("key reused")
    taken = create_cluster.sync(client=api, body=ClusterBody(name=name))
    if not is_problem(taken, HTTPStatus.CONFLICT, "conflict"):
        fail("taken")
    done("taken")
    wrong = create_cluster.sync(client=api, body=ClusterBody(name=""))
    if not isinstance(wrong, Problem) or isinstance(wrong.errors, Unset) or \
            wrong.errors[0].pointer != "/name":
        fail("not valid")
    done("not valid")
    return first


def change(api: AuthenticatedClient, cluster_id: uuid.UUID) -> None:
    etag = get_cluster.sync_detailed(cluster_id, client=api).headers["ETag"]

    def patch(notes: str) -> Cluster | Problem | None:
        body = MergePatch()
        body["notes"] = notes
        return patch_cluster.sync(cluster_id, client=api, body=body, if_match=etag)

    changed = patch("Mine.")
    if not isinstance(changed, Cluster) or (changed.notes, changed.version) != ("Mine.", 2):
        fail(f"change: {changed}")
    done("change")
    if not is_problem(patch("Another's."), HTTPStatus.PRECONDITION_FAILED, "precondition_failed"):
        fail("stale")
    done("stale")


def pull(api: AuthenticatedClient, since: str | Unset = UNSET) -> tuple[list[SyncChange], str]:
    changes: list[SyncChange] = []
    while True:
        found = pull_changes.sync(client=api, since=since, limit=5)
        if not isinstance(found, SyncPage):
            fail(f"pull: {found}")
        changes += found.changes
        since = found.since
        if not found.more:
            return changes, since


def push(api: AuthenticatedClient, change_made: SyncPushedChange) -> SyncResult:
    found = push_changes.sync(client=api, body=SyncBatch(changes=[change_made]))
    if not isinstance(found, SyncResults) or found.results[0].client_id != change_made.client_id:
        fail(f"push: {found}")
    return found.results[0]


def uuid7() -> uuid.UUID:
    """The time in milliseconds, and chance."""
    time_hex, chance = f"{time.time_ns() // 1_000_000:012x}", uuid.uuid4().hex[13:]
    return uuid.UUID(f"{time_hex}7{chance}")


def document(members: dict[str, Any]) -> SyncPushedChangeDocument:
    return SyncPushedChangeDocument.from_dict(members)


def location(held: object) -> object:
    return held["location"] if hasattr(held, "__getitem__") else None


def sync(api: AuthenticatedClient) -> None:
    changes, since = pull(api)
    own = uuid.UUID(GIVEN["cluster_id"])
    if not any(c.type_ is SyncType.CLUSTER and c.id == own for c in changes):
        fail("own cluster")
    done("pull")
    meeting = uuid7()
    made = SyncPushedChange(
        client_id=uuid.uuid4(), method=SyncPushedChangeMethod.CREATE, type_=SyncType.MEETING,
        id=meeting, document=document({
            "kind": "additional", "held_on": "2026-03-02", "location": "Hall",
            "topics": ["Phonics"], "cluster_id": GIVEN["cluster_id"]}))
    first = push(api, made)
    if first.outcome is not SyncResultOutcome.APPLIED:
        fail(f"push: {first}")
    done("push")
    again = push(api, made)
    if again.outcome is not SyncResultOutcome.APPLIED or isinstance(again.document, Unset) or \
            again.document["version"] != 1:
        fail(f"push again: {again}")
    done("push again")

    def update(place: str) -> SyncResult:
        return push(api, SyncPushedChange(
            client_id=uuid.uuid4(), method=SyncPushedChangeMethod.UPDATE, type_=SyncType.MEETING,
            id=meeting, base_version=1, document=document({"location": place})))

    update("Library")
    late = update("Gym")
    if late.outcome is not SyncResultOutcome.CONFLICT or \
            (location(late.current), location(late.base)) != ("Library", "Hall"):
        fail(f"conflict: {late}")
    done("push conflict")
    told = [c for c in pull(api, since)[0] if c.id == meeting]
    if not told or told[0].change is not SyncChangeChange.CHANGED or \
            location(told[0].document) != "Library":
        fail(f"pull on: {told}")
    done("pull on")


def leave(refresh: str | Unset) -> None:
    fresh = tokens(TokenForm(grant_type="refresh_token", client_id=GIVEN["app"]["id"],
                             refresh_token=refresh))
    api = with_token(fresh.access_token)
    if get_me.sync_detailed(client=api).status_code is not HTTPStatus.OK:
        fail("refreshed")
    done("refresh")
    revoke_token.sync_detailed(client=NOBODY, body=ShownTokenForm(
        token=fresh.access_token, client_id=GIVEN["app"]["id"]))
    if not is_problem(get_me.sync(client=api), HTTPStatus.UNAUTHORIZED, "unauthorized"):
        fail("revoked")
    done("revoke")


def main() -> None:
    page()
    head = sign_in("head_office")
    done("sign in")
    api = with_token(head.access_token)
    change(api, create(api).id)
    sync(with_token(sign_in("ambassador").access_token))
    leave(head.refresh_token)


main()
