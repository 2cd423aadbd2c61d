"""A running registry, and a browser that looks at it."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from licences.states import State
from priorconsent import times
from tests.cast import DAY_S, open_stage
from tests.stage import folder
from transparency.append import sequenced_by_caller
from transparency.followers import run_followers
from transparency.sequencer import sweep

__all__ = ["folder"]

QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking".split()
QUIET += "--disable-component-update --disable-sync".split()


@pytest.fixture
def running(folder, transactional_db, live_server):
    """The stage with a grant in force, published now, and served."""
    now = times.now()
    with sequenced_by_caller():
        cast = open_stage(times.plus(now, -10 * DAY_S))
        cast.grant_at(State.ACTIVE)
        cast.now = now
        sweep(now)
        run_followers()
    return cast


@pytest.fixture
def browser_page(running):
    """An empty page of a browser. No database from here on: the browser's loop forbids it to Django."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(locale="en", viewport={"width": 1100, "height": 1300})
        page.set_default_timeout(10_000)
        yield page
        browser.close()
