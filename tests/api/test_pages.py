"""What the pages for people say: in plain words, of this programme, and what to do next."""

import html
import re

import pytest

from support import confidential
from support.client import Client
from support.expect import page_of
from support.passwords import PAGE, choose, make_link, new_password, secret_of
from support.people import SignIn
from support.serving import serving

PROGRAMME = "Inclusion Quality Mark"


def said(text):
    """What a page says, without its marks and its style."""
    body = re.sub(r"<style>.*?</style>", "", text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def heading(text):
    return html.unescape(re.search(r"<h1>(.*?)</h1>", text)[1])


@pytest.fixture
def link(world, make, head):
    account = world.people.account(make.person(name="Ada Mensah"), "ambassador")
    return secret_of(make_link(head, account))


class TestSignIn:
    def test_says_where_one_is_and_who_asks(self, people, anyone):
        app = people.app()
        text = page_of(SignIn(anyone, app, scope="clients:read schools:read").page(), 200)
        assert heading(text) == f"Sign in to the {PROGRAMME}"
        assert f"{app.document['name']} asks to use the {PROGRAMME} in your name." in said(text)

    def test_promises_no_more_than_the_person_may(self, people, anyone):
        """Who it is, is known only after this page: so it cannot leave out what a role may not."""
        text = said(page_of(SignIn(anyone, people.app()).page(), 200))
        assert "It can then do the following, but no more than you may do yourself:" in text

    @pytest.mark.parametrize("redirect, place", [
        ("https://portal.example/signed-in", "https://portal.example"),
        ("http://127.0.0.1/back", "a program on this device"),
        ("example.app:/back", "a program on this device")])
    def test_says_where_one_goes_next(self, people, anyone, redirect, place):
        app = people.app(redirect_uris=[redirect])
        text = said(page_of(SignIn(anyone, app, redirect=redirect).page(), 200))
        assert f"Whether you allow it or not, you then go back to {place}." in text


class TestPassword:
    def test_tells_the_rules_that_are_held(self, anyone, link):
        text = said(page_of(anyone.get(f"{PAGE}?link={link}"), 200))
        for words in ("at least 8 characters", "your e-mail address", PROGRAMME):
            assert words in text
        text = said(page_of(choose(anyone, link, "short"), 422))
        assert "at least 8 characters" in text

    def test_says_what_comes_next(self, anyone, link):
        text = said(page_of(choose(anyone, link, new_password()), 200))
        assert "Your password is set" in text and PROGRAMME in text
        assert "sign in" in text and "close this page" in text

    @pytest.mark.parametrize("tail", ["1", "2026!", ""])
    def test_is_not_ones_own_address(self, world, make, head, anyone, tail):
        place = make.example("person")["email"].split("@")[0]
        person = make.person(email=confidential.note(f"ada.mensah@{place}.example"))
        account = world.people.account(person, "ambassador")
        secret = secret_of(make_link(head, account))
        for password in (f"Ada Mensah{tail}", f"AdaMensah{tail}", f"ada_mensah-{tail}"):
            assert "e-mail address" in said(page_of(choose(anyone, secret, password), 422))


class TestTooMany:
    @pytest.fixture
    def narrow(self, stage):
        with serving(stage, IQM_LIMIT_ADDRESS=60, IQM_LIMIT_SIGN_IN=6) as server:
            client = Client(server.port)
            yield client
            client.close()

    @staticmethod
    def refusal(ask):
        for _ in range(60):
            response = ask()
            if response.status == 429:
                return response
        raise AssertionError("60 requests were let through")

    @staticmethod
    def held(response):
        text, wait = said(page_of(response, 429)), int(response.header("Retry-After"))
        number = wait if wait < 120 else (wait + 59) // 60
        unit = "second" if wait < 120 else "minute"
        wanted = f"Wait {number} {unit}{'' if number == 1 else 's'}, then go back and try again."
        assert wanted in text and "RateLimit" not in text and "Retry-After" not in text

    def test_visits_are_told_how_long_to_wait(self, narrow):
        self.held(self.refusal(lambda: narrow.get(f"{PAGE}?link=x")))
        self.held(self.refusal(lambda: narrow.get("/oauth/authorize?client_id=x")))

    def test_forms_are_told_how_long_to_wait(self, narrow):
        self.held(self.refusal(lambda: choose(narrow, "x", "y")))
