"""The page where a person chooses a password, as a browser would use it. Judges nothing."""

import secrets
import urllib.parse

from support import confidential
from support.client import Client
from support.expect import page_of

PAGE = "/account/password"


def new_password():
    return confidential.note("Zebra-" + secrets.token_urlsafe(12))


def secret_of(link):
    """What a link (its address, or the answer that holds it) has after link=."""
    url = link["url"] if isinstance(link, dict) else link
    return confidential.note(urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["link"][0])


def make_link(head, account):
    response = head.post(f"/v1/accounts/{account['id']}/links")
    assert response.status == 201, response
    secret_of(response.json)
    return response.json


def send_form(client, fields, origin=True, headers=()):
    """`origin` True: as from the server's own page."""
    sent = [("Content-Type", "application/x-www-form-urlencoded"), *headers]
    if origin:
        own = f"http://{client.host}:{client.port}"
        sent.append(("Origin", own if origin is True else origin))
    body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
    return client.request("POST", PAGE, body=body, headers=sent, token=None)


def choose(client, secret, password, repeat=None, **options):
    return send_form(client, {"link": secret, "password": password,
                              "repeat": password if repeat is None else repeat}, **options)


def set_password(port, secret, password=None):
    """Uses a link up; the password."""
    password, client = password or new_password(), Client(port)
    try:
        page_of(choose(client, secret, password), 200)
    finally:
        client.close()
    return password
