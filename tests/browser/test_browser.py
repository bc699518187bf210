"""The page of signing in as people meet it: in a real browser, without scripts, by keyboard."""

import http.server
import threading
import urllib.parse

import pytest

from support.client import Client
from support.people import SignIn
from support.places import wait_for

WRONG = "The e-mail address or the password is not right."
SIGN_IN = "Sign in to the Inclusion Quality Mark"
ALLOW, DENY = "Sign in and allow", "Do not allow"
EMAIL, PASSWORD = "E-mail address", "Password"


class Listener:
    """A program on the person's machine that waits to be called back."""

    def __init__(self):
        listener = self
        self.calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urllib.parse.urlsplit(self.path)
                if parts.path == "/back":
                    listener.calls.append((dict(urllib.parse.parse_qsl(parts.query)),
                                           dict(self.headers)))
                body = b"<!DOCTYPE html><title>Back</title><h1>Back at the program</h1>"
                self.send_response(200 if parts.path == "/back" else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.redirect = f"http://127.0.0.1:{self.server.server_port}/back"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def called(self):
        return wait_for(lambda: self.calls and self.calls[-1], "the browser to come back", 60)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener():
    waiting = Listener()
    yield waiting
    waiting.close()


@pytest.fixture(scope="module")
def app(people):
    return people.app(redirect_uris=["http://127.0.0.1/back"])


@pytest.fixture(scope="module")
def person(people):
    return people.person("head_office")


@pytest.fixture
def sign_in(server, app, listener):
    client = Client(server.port)
    yield SignIn(client, app, redirect=listener.redirect, scope="schools:read clusters:read")
    client.close()


def start(page, sign_in):
    page.open(sign_in.origin + sign_in.target, SIGN_IN)


def fill(page, email, password):
    page.tab_to(EMAIL)
    page.type(email)
    page.tab_to(PASSWORD)
    page.type(password)


def check_tokens(sign_in, answer):
    assert answer["state"] == sign_in.query["state"] and answer["iss"] == sign_in.origin
    tokens = sign_in.redeem(answer["code"])
    assert tokens.status == 200, tokens
    assert sign_in.client.get("/v1/schools", token=tokens.json["access_token"]).status == 200


def test_a_person_signs_in_with_the_keyboard(page, sign_in, person, listener):
    start(page, sign_in)
    fill(page, person.email, person.password)
    page.tab_to(ALLOW)
    page.press("Enter")
    answer, headers = listener.called()
    check_tokens(sign_in, answer)
    assert "Referer" not in headers
    page.wait_for_heading("Back at the program")
    assert page.complaints() == []


def test_enter_in_a_field_allows(page, sign_in, person, listener):
    start(page, sign_in)
    fill(page, person.email, person.password)
    page.press("Enter")
    check_tokens(sign_in, listener.called()[0])


def test_what_is_wrong_is_told_where_it_is(page, sign_in, person, listener):
    start(page, sign_in)
    fill(page, person.email, "not that one")
    page.press("Enter")
    wait_for(lambda: any(WRONG in node[1] for node in page.nodes()), "the sentence", 60)
    assert [node[0] for node in page.nodes()].count("alert") == 1
    for name in (EMAIL, PASSWORD):
        assert [node[2] for node in page.find("textbox", name)] == [WRONG]
    # The address is there still: the password alone is missing.
    page.tab_to(EMAIL)
    page.tab_to(PASSWORD)
    page.type(person.password)
    page.tab_to(ALLOW)
    page.tab_to(DENY)
    assert not listener.calls
    page.call("Input.dispatchKeyEvent", type="rawKeyDown", key="Tab", code="Tab",
              windowsVirtualKeyCode=9, modifiers=8)
    wait_for(lambda: page.focused() == ALLOW, "the focus to go back", 60)
    page.press("Enter")
    check_tokens(sign_in, listener.called()[0])
    # A browser notes each 403 in its log: that is no fault of the page.
    assert [entry for entry in page.complaints() if entry.get("source") != "network"] == []


def test_a_person_does_not_allow_it(page, sign_in, listener):
    """Without signing in, and without having to fill anything in."""
    start(page, sign_in)
    for name in (EMAIL, PASSWORD, ALLOW, DENY):
        page.tab_to(name)
    page.press("Enter")
    answer = listener.called()[0]
    assert answer["error"] == "access_denied" and answer["state"] == sign_in.query["state"]
    assert page.complaints() == []


def test_it_is_said_who_asks_for_what(page, sign_in, app):
    start(page, sign_in)
    heard = [name for _, name, _, _ in page.nodes()]
    assert app.document["name"] in heard
    assert "See schools and their details." in heard and "See clusters of schools." in heard
    assert [node[1] for node in page.nodes() if node[0] == "heading"] == [SIGN_IN]
    assert page.find("group", "Your account")
    said = " ".join(heard)
    assert "no more than you may do yourself" in said
    assert "Whether you allow it or not, you then go back to a program on this device." in said


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_off_the_screen(browser, sign_in, width):
    page = browser.page(width=width)
    try:
        start(page, sign_in)
        assert page.width() <= width
    finally:
        page.close()


def test_a_page_that_waits_elsewhere_cannot_send_the_form(page, sign_in, person, listener, app):
    """Another site that posts the form in the person's name: the browser says where it is from."""
    start(page, sign_in)
    fields = {"email": person.email, "password": person.password, "decision": "allow",
              "form_token": "1.x"}
    inputs = "".join(f'<input name="{k}" value="{v}">' for k, v in fields.items())
    frame = page.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
    page.open(listener.redirect, "Back at the program")
    page.call("Page.setDocumentContent", frameId=frame, html=f"""<!DOCTYPE html><h1>Elsewhere</h1>
        <form method="post" action="{sign_in.origin}{sign_in.target.replace('&', '&amp;')}">
        {inputs}<button>Send</button></form>""")
    page.wait_for_heading("Elsewhere")
    listener.calls.clear()
    for name in ("", "", "", "", "Send"):
        page.press("Tab")
    wait_for(lambda: page.focused() == "Send", "the focus", 60)
    page.press("Enter")
    page.wait_for_heading("That did not come from our page")
    assert not listener.calls
