"""Consents: the wordings in force, records of the ledger, links in e-mails. Knows no expectation."""

import base64
import hashlib
import uuid

SHIPPED = {"contact": "00feb74a-6800-7000-8000-000000000011",
           "marketing": "00feb74a-6800-7000-8000-000000000012"}


def shipped(client, purpose="marketing"):
    return client.get(f"/v1/consent-wordings/{SHIPPED[purpose]}").json


def in_force(client):
    """The wordings that the form shows now, by purpose."""
    return {w["purpose"]: w for w in client.get("/v1/enquiry-form", token=None).json["wordings"]}


def body(client, person, purpose="marketing", granted=True, **members):
    """Of a record of the ledger."""
    wording = {"wording_id": in_force(client)[purpose]["wording_id"]} if granted else {}
    return {"person_id": person["id"], "purpose": purpose, "granted": granted, **wording, **members}


def record(client, person, *arguments, **members):
    response = client.post("/v1/consent-records", body(client, person, *arguments, **members))
    assert response.status == 201, response
    return response.json


def grant(client, person, purpose="marketing", **members):
    return record(client, person, purpose, True, **members)


def withdraw(client, person, purpose="marketing", **members):
    return record(client, person, purpose, False, **members)


def state(client, person):
    """By purpose."""
    response = client.get(f"/v1/people/{person['id']}/consents")
    assert response.status == 200, response
    assert response.json["person_id"] == person["id"]
    return {c["purpose"]: c for c in response.json["consents"]}


def records(client, **filters):
    """In the order in which they were made."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    response = client.get(f"/v1/consent-records?limit=200&{query}")
    assert response.status == 200 and response.json["next"] is None, response
    return response.json["items"]


def token(key, person, purpose=b"m"):
    """As the server makes it, from the key of tokens (hexadecimal)."""
    derived = hashlib.blake2b(b"", digest_size=32, key=bytes.fromhex(key),
                              salt=(1).to_bytes(8, "little") + bytes(8),
                              person=b"iqm_wdrw" + bytes(8)).digest()
    signed = uuid.UUID(person["id"]).bytes + purpose
    mac = hashlib.blake2b(signed, key=derived, digest_size=32).digest()
    return base64.urlsafe_b64encode(signed + mac).rstrip(b"=").decode()


def link(stage, person):
    return f"/v1/consent-withdrawals/{token(stage.key, person)}"
