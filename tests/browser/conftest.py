"""A real browser for each file of tests, and a tab for each test."""

import pytest

from support.chromium import Chromium


@pytest.fixture(scope="module")
def browser():
    running = Chromium()
    yield running
    running.close()


@pytest.fixture
def page(browser):
    opened = browser.page()
    yield opened
    opened.close()
