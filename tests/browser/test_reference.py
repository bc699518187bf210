"""The reference as people use it: by keyboard, with a token and by signing in, and what axe-core says
of it and of the pages beside it."""

import json

import pytest

from support.places import wait_for

HEADING = "API reference"
PAGES = {"/problems": "Kinds of errors", "/problems/conflict": "That conflicts with another record",
         "/docs/guides": "Guides", "/docs/guides/authentication": "Signing in and tokens", "/docs/guides/paging": "Lists and paging",
         "/docs/guides/errors": "Errors", "/docs/guides/concurrency": "Changing records side by side",
         "/docs/guides/sync": "Working offline, and being told at once",
         "/docs/guides/webhooks": "Being told of changes: webhooks",
         "/docs/guides/privacy": "Personal data",
         "/docs/guides/changes": "What may change, and how it is told"}


@pytest.fixture
def page(browser, server):
    opened = browser.page(scripts=True)
    opened.origin = f"http://127.0.0.1:{server.port}"
    yield opened
    # Opening a form changes the address; the browser notes that a script did.
    assert [c for c in opened.complaints() if c.get("code") != "GenericIssue"] == []
    opened.close()


def ready(page, condition, what):
    wait_for(lambda: page.evaluate(f"Boolean({condition})"), what, 60)


@pytest.fixture
def reference(page):
    page.open(page.origin + "/docs", HEADING)
    ready(page, "document.querySelectorAll('.opblock-tag').length", "the contract to be shown")
    return page


def focus_on(page, selector):
    page.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")


def press_until(page, reach, opened, what):
    """Enter where `reach` leads, until something is there: again, since the viewer may put another element
    there while it draws and the key then goes nowhere; but not once it is open, which would close it."""
    def is_open():
        return page.evaluate(f"Boolean(document.querySelector('{opened}'))")

    def press():
        if not is_open() and reach():
            page.press("Enter")
        return is_open()
    wait_for(press, what, 60)


def open_by_keyboard(page, tag, operation):
    """From the tag to the operation's form, by Tab and Enter only."""
    block = f"#operations-{tag}-{operation}"

    def reach_tag():
        focus_on(page, f"#operations-tag-{tag} button")
        return True

    def reach_block():
        reach_tag()
        for _ in range(40):
            page.press("Tab")
            if page.evaluate(f"Boolean(document.activeElement.closest('{block}'))"):
                return True
        return False
    press_until(page, reach_tag, block, "the operations of the tag")
    press_until(page, reach_block, f"{block}.is-open", "the operation to be reached by Tab, and to open")
    known(page, block)
    return block


def known(page, block):
    ready(page, f"document.querySelector('{block} .execute:enabled')", "the form to be whole")


def execute(page, block):
    """The status that was answered."""
    sent = f"document.querySelector('{block} :is(.loading, .live-responses-table)')"

    def send():
        """The viewer may put another button there while it draws: then the key went nowhere."""
        if not page.evaluate(f"Boolean({sent})"):
            focus_on(page, f"{block} .execute")
            page.press("Enter")
        return page.evaluate(f"Boolean({sent})")
    wait_for(send, "the request to go out", 60)
    status = f"document.querySelector('{block} .live-responses-table tbody .response-col_status')"
    ready(page, status, "the answer")
    return int(page.evaluate(f"{status}.innerText").split()[0])


def paste(page, token):
    focus_on(page, "#token")
    page.type(token)


@pytest.mark.parametrize("path", PAGES)
def test_pages_beside_it_have_no_faults(page, path):
    page.open(page.origin + path, PAGES[path])
    assert page.faults() == []


def test_has_no_faults(reference):
    assert reference.faults() == []


@pytest.mark.parametrize("tag, operation", [
    ("schools", "list_schools"), ("schools", "create_school"), ("schools", "patch_school"),
    ("meetings", "create_meeting"), ("evidence", "put_evidence_file"), ("oauth", "create_token")])
def test_an_operation_has_no_faults(reference, tag, operation):
    open_by_keyboard(reference, tag, operation)
    assert reference.faults() == []


def test_what_is_tried_is_answered(reference, head):
    paste(reference, head.token)
    block = open_by_keyboard(reference, "clusters", "list_clusters")
    assert execute(reference, block) == 200
    assert reference.faults() == []


def test_a_form_cannot_be_sent_before_it_is_whole(reference, head):
    """The viewer shows the button at once; pressed so early, it would wait for ever."""
    paste(reference, head.token)
    reference.evaluate("document.querySelector('#operations-tag-clusters button').click()")
    block = "#operations-clusters-list_clusters"
    ready(reference, f"document.querySelector('{block}')", "the operations of the tag")
    assert reference.evaluate(f"""(async () => {{
        document.querySelector('{block} button').click();
        for (let turn = 0; !document.querySelector('{block} .execute'); turn++) {{
            if (turn === 10000)
                throw new Error('no button is shown at once');
            await Promise.resolve();
        }}
        document.querySelector('{block} .execute').click();
        return document.querySelector('{block} .execute').disabled;
    }})()""")
    known(reference, block)
    assert execute(reference, block) == 200


def test_an_example_can_be_sent_as_it_is(reference, head):
    paste(reference, head.token)
    assert execute(reference, open_by_keyboard(reference, "clients", "create_client")) == 201


def test_filters_are_not_filled_in(reference):
    """But for defaults; else what is tried first would find nothing."""
    block = open_by_keyboard(reference, "schools", "list_schools")
    fields = f"document.querySelectorAll('{block} [data-param-in=query] :is(input, select)')"
    assert set(reference.evaluate(f"[...{fields}].map(field => field.value)")) <= {"", "50", "false"}


def test_the_dialog_keeps_the_keyboard(reference):
    focus_on(reference, ".btn.authorize")
    reference.press("Enter")
    inside = "Boolean(document.activeElement.closest('[role=dialog]'))"
    wait_for(lambda: reference.evaluate(inside), "the focus in the dialog", 60)
    assert reference.faults() == []
    places = reference.evaluate(
        "document.querySelectorAll('[role=dialog] input, [role=dialog] button').length")
    for _ in range(places + 3):
        reference.press("Tab")
        assert reference.evaluate(inside)
    reference.press("Escape")
    ready(reference, "!document.querySelector('.modal-ux')", "the dialog to close")
    assert reference.evaluate("document.activeElement.matches('.btn.authorize')")


def test_a_person_signs_in(reference, people):
    """Authorization code with PKCE, through a window of its own."""
    app = people.app(redirect_uris=[reference.origin + "/docs/signed-in"], scopes=["clusters:read"])
    person = people.person("head_office")
    focus_on(reference, ".btn.authorize")
    reference.press("Enter")
    ready(reference, "document.activeElement.id === 'client_id_authorizationCode'", "the dialog")
    reference.type(app.id)
    reference.evaluate("[...document.querySelectorAll('.scopes input')].find("
                       "box => box.id.startsWith('clusters:read')).focus()")
    reference.press(" ")
    focus_on(reference, ".modal-btn.authorize")
    reference.press("Enter")
    window = reference.opened()
    window.wait_for_heading("Sign in to the Inclusion Quality Mark")
    for name, text in (("email", person.email), ("password", person.password)):
        focus_on(window, f"[name={name}]")
        window.type(text)
    window.press("Enter")
    ready(reference, "document.querySelector('.modal-btn.auth:not(.authorize)') && "
          "document.querySelector('.auth-container').innerText.includes('Authorized')", "the sign-in")
    reference.to_the_front()
    focus_on(reference, ".modal-ux .close-modal")
    reference.press("Enter")
    assert execute(reference, open_by_keyboard(reference, "clusters", "list_clusters")) == 200


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_off_the_screen(browser, server, width):
    page = browser.page(width=width, scripts=True)
    try:
        page.open(f"http://127.0.0.1:{server.port}/docs", HEADING)
        ready(page, "document.querySelectorAll('.opblock-tag').length", "the contract to be shown")
        assert page.width() <= width
    finally:
        page.close()
