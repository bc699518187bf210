"""People who sign in as people do: an account, a password, the page, a code, a token.

Also the programs they sign in with. Everyone made here is the caller's own; `People` keeps one of
each role for a whole session.
"""

import base64
import ctypes
import ctypes.util
import hashlib
import html
import re
import secrets
import urllib.parse

from support import confidential
from support.client import Client
from support.contract import DOCUMENT

SCOPES = sorted(DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"]
                ["scopes"])
REDIRECT = "https://app.example/signed-in"
FORM = "application/x-www-form-urlencoded"
_sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))


def stored_password(password, memory=8, passes=1):
    """As the server keeps a password: libsodium's text of Argon2id."""
    text = ctypes.create_string_buffer(128)
    data = password.encode()
    assert _sodium.sodium_init() >= 0
    assert _sodium.crypto_pwhash_str_alg(
        text, data, ctypes.c_ulonglong(len(data)), ctypes.c_ulonglong(passes),
        ctypes.c_size_t(memory << 20), ctypes.c_int(2)) == 0
    return text.value.decode()


def challenge_of(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def query_of(location):
    """The redirect URI without its query, and the query as a dict; nothing stands there twice."""
    parts = urllib.parse.urlsplit(location)
    pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), location
    return parts._replace(query="").geturl(), dict(pairs)


def send_form(client, target, fields, headers=(), **options):
    """`fields` is a dict, pairs, or bytes that go out as they are."""
    body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
    return client.request("POST", target, body=body, token=None,
                          headers={"Content-Type": FORM, **dict(headers)}, **options)


def token_in(page):
    """The hidden field of the page."""
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def newest_session(stage, person):
    """The id of the sign-in that a person made last."""
    return stage.cluster.psql(f"SELECT id FROM session WHERE account_id = '{person.id}' "
                              "ORDER BY id DESC LIMIT 1")


class App:
    """A registered client: a program that people sign in with."""

    def __init__(self, document, secret=None):
        self.document, self.id, self.secret = document, document["id"], secret
        self.redirect = next(iter(document["redirect_uris"]), None)

    def fields(self, **more):
        """As the form names the client; those of `more` that are not None."""
        own = {"client_id": self.id, "client_secret": self.secret}
        return {k: v for k, v in {**own, **more}.items() if v is not None}

    def basic(self, secret=None):
        pair = f"{self.id}:{secret if secret is not None else self.secret}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class Person:
    def __init__(self, document, account, password):
        self.document, self.account, self.password = document, account, password
        self.id, self.email = account["id"], document["email"]


class SignIn:
    """One way through the page, step by step; `changes` replace what a good client would send."""

    def __init__(self, client, app, *, scope=None, redirect=None, **changes):
        self.client, self.app = client, app
        self.verifier = secrets.token_urlsafe(48)
        self.redirect = redirect or app.redirect
        self.query = {"response_type": "code", "client_id": app.id, "redirect_uri": self.redirect,
                      "scope": scope, "state": secrets.token_urlsafe(9),
                      "code_challenge": challenge_of(self.verifier),
                      "code_challenge_method": "S256", **changes}
        self.query = {k: v for k, v in self.query.items() if v is not None}

    @property
    def target(self):
        return "/oauth/authorize?" + urllib.parse.urlencode(self.query)

    @property
    def origin(self):
        return f"http://{self.client.host}:{self.client.port}"

    def page(self):
        return self.client.get(self.target, token=None)

    def send(self, email, password, *, decision="allow", form_token=None, headers=None, **fields):
        form = {"email": email, "password": password, "decision": decision,
                "form_token": form_token or token_in(self.page()), **fields}
        return send_form(self.client, self.target, form,
                         {"Origin": self.origin} if headers is None else headers)

    def code(self, person):
        answer = self.send(person.email, person.password)
        assert answer.status == 303, answer
        where, query = query_of(answer.header("Location"))
        assert where == self.redirect and query["iss"] == self.origin
        assert query.get("state") == self.query.get("state")
        return query["code"]

    def redeem(self, code, **changes):
        fields = self.app.fields(grant_type="authorization_code", code=code,
                                 redirect_uri=self.query.get("redirect_uri"),
                                 code_verifier=self.verifier)
        return send_form(self.client, "/oauth/token",
                         {k: v for k, v in {**fields, **changes}.items() if v is not None})

    def tokens(self, person):
        answer = self.redeem(self.code(person))
        assert answer.status == 200, answer
        for name in ("access_token", "refresh_token"):
            confidential.note(answer.json[name])
        return answer.json


class People:
    def __init__(self, stage, make, port):
        self.stage, self.make, self.port = stage, make, port
        self._kept = {}

    def app(self, kind="public", secret=True, **members):
        """A new registered client."""
        document = {"name": self.make.name("App"), "kind": kind, "redirect_uris": [REDIRECT],
                    "scopes": SCOPES, "origins": [], **members}
        made = self.make.client.post("/v1/clients", document)
        assert made.status == 201, made
        if kind == "public" or not secret:
            return App(made.json)
        return App(made.json, self.secret_of(made.json["id"]))

    def secret_of(self, client_id):
        """A new secret, kept as the server keeps it."""
        text = confidential.note("iqs_" + secrets.token_urlsafe(32))
        digest = hashlib.blake2b(text.encode(), digest_size=32,
                                 key=bytes.fromhex(self.stage.key)).hexdigest()
        self.stage.cluster.psql(f"""
            INSERT INTO client_secret (client_id, hash) VALUES ('{client_id}', '\\x{digest}')
            ON CONFLICT (client_id) DO UPDATE SET hash = excluded.hash""")
        return text

    def person(self, *roles, password=None, active=True, **members):
        """A new person with an account and, unless it is not active, a password."""
        document = self.make.person()
        made = self.make.client.post("/v1/accounts", {
            "person_id": document["id"], "roles": [*roles], "suspended": False, **members})
        assert made.status == 201, made
        person = Person(document, made.json, password or confidential.note(
            "correct horse " + secrets.token_urlsafe(9)))
        if active:
            self.activate(person)
        return person

    def activate(self, person, **cost):
        self.stage.cluster.psql(f"""
            UPDATE credential SET password = '{stored_password(person.password, **cost)}',
                changed_at = now() WHERE account_id = '{person.id}';
            UPDATE account SET version = version + 1, doc = document_with(doc, json_build_object(
                'version', version + 1, 'activated_at', time_text(now())))
            WHERE id = '{person.id}' AND NOT activated""")

    def sign_in(self, app, client=None, **options):
        return SignIn(client or Client(self.port), app, **options)

    def _signed_in(self, person):
        """A client with the token of a person, got as programs get it."""
        client = Client(self.port)
        app = self._keep("app", self.app)
        client.token = SignIn(client, app).tokens(person)["access_token"]
        client.person, client.actor, client.app = person, person.id, app
        return client

    def _keep(self, name, make):
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def head_office(self):
        return self._keep("head_office", lambda: self._signed_in(self.person("head_office")))

    def ambassador(self):
        """With an ambassador's record, but no cluster."""
        return self._keep("ambassador", self._new_ambassador)

    def _new_ambassador(self):
        person = self.person("ambassador")
        self.make.ambassador(person_id=person.document["id"])
        return self._signed_in(person)

    def school(self):
        """A coordinator of a school of their own: `.school` is its record."""
        return self._keep("school", self._new_coordinator)

    def _new_coordinator(self):
        school = self.make.school()
        client = self._signed_in(self.person("school", school_id=school["id"]))
        client.school = school
        return client

    def client_credentials(self):
        """A program that acts for itself."""
        return self._keep("client_credentials", self._new_program)

    def _new_program(self):
        client, app = Client(self.port), self.app("confidential")
        answer = send_form(client, "/oauth/token", app.fields(grant_type="client_credentials"))
        assert answer.status == 200, answer
        client.token = confidential.note(answer.json["access_token"])
        client.app, client.actor = app, app.id
        return client
