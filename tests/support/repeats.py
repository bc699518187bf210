"""Requests with an Idempotency-Key: what each operation that takes one is sent. Read from the
contract; must know no expectation."""

import hashlib
import uuid
from dataclasses import dataclass, field

from support import consents, hooks, steps
from support.contract import OPERATIONS
from support.resources import ALL

HEADER = "Idempotency-Key"
TAKING = {o.id: o for o in OPERATIONS.values()
          if any(p["name"] == HEADER for p in o.parameters)}
# Whose answers hold a secret that is shown once.
SECRETS = ("create_account_link", "create_calendar_feed", "create_client_secret")
# What belongs to an account, which an operator's token has none of.
OF_A_PERSON = ("create_calendar_feed",)


def same_answer(one, other):
    """As far as an answer is kept."""
    return (one.status, one.body, one.etag, one.header("Location"), one.media_type) == \
        (other.status, other.body, other.etag, other.header("Location"), other.media_type)


def new_key():
    return f'"{uuid.uuid4()}"'


@dataclass
class Asked:
    """One request, to be sent as often as wanted: the same bytes."""
    target: str
    options: dict
    headers: dict = field(default_factory=dict)

    def send(self, client, key=None, **headers):
        sent = {**self.headers, **headers, **({HEADER: key} if key else {})}
        return client.request("POST", self.target, headers=sent, **self.options)


def _json(target, body, **headers):
    return Asked(target, {"json": body}, headers)


def _import(name):
    return Asked("/v1/imports/register?dry_run=true",
                 {"body": f"URN,EstablishmentName\r\n100000,{name}\r\n".encode()},
                 {"Content-Type": "text/csv"})


# Neither creations nor steps: function(make, people), which gives two different requests.
OTHERS = {
    "create_programme_download": lambda make, people: tuple(_json(
        "/v1/programme-downloads", {"format": name}) for name in ("csv", "xlsx")),
    "create_register_import": lambda make, people: (_import("One"), _import("Two")),
    "create_account_link": lambda make, people: tuple(Asked(
        f"/v1/accounts/{people.person('ambassador', active=False).id}/links", {}) for _ in "12"),
    "create_client_secret": lambda make, people: tuple(Asked(
        f"/v1/clients/{people.app('confidential').id}/secret", {}) for _ in "12"),
    "create_calendar_feed": lambda make, people: tuple(_json(
        "/v1/me/calendar-feeds", {"cluster_id": make.cluster()["id"]}) for _ in "12"),
    "create_consent_wording": lambda make, people: tuple(_json("/v1/consent-wordings", {
        "purpose": "marketing", "text": make.name("I agree to")}) for _ in "12"),
    "create_consent_record": lambda make, people: tuple(_json(
        "/v1/consent-records", consents.body(make.client, make.person())) for _ in "12"),
    "rotate_webhook_secret": lambda make, people: tuple(Asked(
        f"/v1/webhook-endpoints/{make.webhook_endpoint()['id']}/secret", {}) for _ in "12"),
    "test_webhook_endpoint": lambda make, people: tuple(Asked(
        f"/v1/webhook-endpoints/{hooks.nowhere(make)['id']}/test", {}) for _ in "12"),
    "replay_webhook_delivery": lambda make, people: tuple(Asked(
        f"/v1/webhook-deliveries/{hooks.over(make, people.stage)['id']}/replay", {}) for _ in "12"),
    "erase_person": lambda make, people: tuple(_json(
        f"/v1/people/{make.person()['id']}/erasure", {}) for _ in "12"),
}


def caller_of(operation, head, people):
    """Who may do all; signed in where need be."""
    return people.head_office() if operation.id in OF_A_PERSON else head


def requests_of(operation, make, people):
    """A request that succeeds, and another one of the same operation."""
    if operation.id in OTHERS:
        return OTHERS[operation.id](make, people)
    if operation.action == "create":
        path = ALL[operation.resource].collection
        return _json(path, make.example(operation.resource)), _json(path, {})
    record = steps.ready(make.client, operation.id, make.create(operation.resource))
    target, body = steps.path_of(operation.id, record), steps.BODIES.get(operation.id, {})
    match = {"If-Match": f'"{record["version"]}"'}
    return _json(target, body, **match), _json(target, {**body, "comment": "Another."}, **match)


def lock_of(stage, actor, operation, key):
    """The number that whoever is at a request with this key has locked."""
    text = b"Idempotency-Key:" + key.strip('"').encode()
    hashed = hashlib.blake2b(text, key=bytes.fromhex(stage.key), digest_size=32).hexdigest()
    return f"hashtextextended('{actor} {operation} {hashed}', 7310582)"


def records(stage, where, database="iqm"):
    return int(stage.cluster.psql(f"SELECT count(*) FROM idempotency_record WHERE {where}",
                                  database=database))


def changes_of(stage, response, database="iqm"):
    """What the audit log says this very request has done."""
    return int(stage.cluster.psql(
        "SELECT count(*) FROM audit_record WHERE outcome = 'done' AND doc->>'request_id' = "
        f"'{response.header('X-Request-Id')}'", database=database))
