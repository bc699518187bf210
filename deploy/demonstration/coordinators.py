"""Coordinators write what the meetings changed at their schools. Nobody else may, not even head office:
so they are given accounts, choose passwords and sign in to a program, as people do."""
import base64
import hashlib
import html
import json
import re
import secrets
import urllib.parse
from collections import Counter

from . import texts
from .api import Refused

# Where the program has people sent back to. Nothing listens there: the code is taken from the address.
REDIRECT = "http://127.0.0.1/signed-in"
PASSWORD_PAGE = "/account/password"


def has_something_to_review(acts):
    """Whether a school has a reviewed plan, or tells of its project: beside those the form has the grid
    of meetings."""
    return any((act.path, act.verb) in (("/v1/plans", "review"), ("/v1/project-updates", "create"))
               for act in acts)


def coordinators(lists):
    """Of the lists of acts of schools: the key of the first of the staff, where there is something to
    review."""
    return [next(act.key for act in acts if act.path == "/v1/people")
            for acts in lists if has_something_to_review(acts)]


def hidden_field(page, name):
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    if not found:
        raise Refused(f"a page of the server has no field {name}")
    return html.unescape(found[1])


def expect(status, api, method, path, fields=None, headers=None):
    """The answer to a form, or a page, and its body. Of what went wrong only the status is told, for an
    address and a page may hold secrets."""
    answer, said = api.form(method, path, fields, headers or {})
    if answer.status != status:
        raise Refused(f"{method} {path.partition('?')[0]} was answered with {answer.status}")
    return answer, said.decode()


class Browser:
    """As much of one as a person needs here. Says of each form which page it comes from, or the server
    would refuse it."""

    def __init__(self, api, link):
        """`link`: the address of some page of the server, as people know it."""
        parts = urllib.parse.urlsplit(link)
        self.api, self.origin = api, f"{parts.scheme}://{parts.netloc}"

    def look(self, path):
        """The page."""
        return expect(200, self.api, "GET", path)[1]

    def send(self, status, path, fields):
        """The answer to a form, whose headers tell where to go next."""
        return expect(status, self.api, "POST", path, fields, {"Origin": self.origin})[0]


class Program:
    """What coordinators sign in to: a public client that may do no more than is done here."""

    def __init__(self, api):
        self.api = api
        self.id = api.create("/v1/clients", {
            "name": "Demonstration", "kind": "public", "redirect_uris": [REDIRECT], "origins": [],
            "scopes": ["attendances:read", "attendances:write"]})["id"]

    def address(self, verifier):
        """Where the program sends the browser; the verifier itself is shown later (PKCE)."""
        digest = hashlib.sha256(verifier.encode()).digest()
        return "/oauth/authorize?" + urllib.parse.urlencode({
            "response_type": "code", "client_id": self.id, "redirect_uri": REDIRECT,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256"})

    def sign_in(self, browser, email, password):
        """The tokens that a person lets the program have."""
        verifier = secrets.token_urlsafe(48)
        address = self.address(verifier)
        back = browser.send(303, address, {
            "email": email, "password": password, "decision": "allow",
            "form_token": hidden_field(browser.look(address), "form_token")}).headers["Location"]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
        if "code" not in query:
            raise Refused(f"a sign-in ended with {query.get('error')}")
        return json.loads(expect(200, self.api, "POST", "/oauth/token", {
            "grant_type": "authorization_code", "client_id": self.id, "code": query["code"],
            "redirect_uri": REDIRECT, "code_verifier": verifier})[1])

    def sign_out(self, tokens):
        """With the refresh token goes the whole sign-in."""
        expect(200, self.api, "POST", "/oauth/revoke", {
            "client_id": self.id, "token": tokens["refresh_token"]})


def invite(api, person):
    """Gives a person an account for the school where they work; the link to choose a password with."""
    account = api.create("/v1/accounts", {"person_id": person["id"], "roles": ["school"],
                                          "school_id": person["school_id"], "suspended": False})
    return api.request("POST", f"/v1/accounts/{account['id']}/links")["url"]


def choose_password(browser, link):
    """One that nobody learns: head office can make a new link for whoever wants to use the account."""
    password = secrets.token_urlsafe(24)
    page = browser.look(f"{PASSWORD_PAGE}?{urllib.parse.urlsplit(link).query}")
    browser.send(200, PASSWORD_PAGE, {"link": hidden_field(page, "link"), "password": password,
                                      "repeat": password})
    return password


def write_impacts(api, school_id, topics, first):
    """For each meeting that the school came to, what it changed there; how many. `first`: which text on
    a topic it begins with; none comes again before all have been used."""
    attendances = api.get(f"/v1/attendances?limit=200&school_id={school_id}")["items"]
    present = [one for one in attendances if one["status"] == "present"]
    used = Counter()
    for attendance in present:
        topic = topics[attendance["meeting_id"]]
        choices = texts.MEETING_IMPACTS[topic]
        api.change(f"/v1/attendances/{attendance['id']}",
                   {"impact": choices[(first + used[topic]) % len(choices)]})
        used[topic] += 1
    return len(present)


class Coordination:
    """What all coordinators have in common."""

    def __init__(self, api, ids, rounds):
        self.api, self.ids, self.program = api, ids, Program(api)
        self.topics = {ids[act.key]: act.body["topics"][0] for lists in rounds for acts in lists
                       for act in acts if (act.path, act.verb) == ("/v1/meetings", "create")}

    def do(self, key):
        """All that one coordinator does; how many impacts that makes."""
        person = self.api.get(f"/v1/people/{self.ids[key]}")
        link = invite(self.api, person)
        browser = Browser(self.api, link)
        tokens = self.program.sign_in(browser, person["email"], choose_password(browser, link))
        count = write_impacts(self.api.with_token(tokens["access_token"]), person["school_id"],
                              self.topics, int(key.partition(":")[0]))
        self.program.sign_out(tokens)
        return count
