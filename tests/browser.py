"""Debian's Chromium, for the tests of pages: whatever a page complains of fails its test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
#: A busy host is slow; what does not come at all fails a little later.
TIMEOUT_MS = 20_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        # The sandbox needs a user that is not root; nothing but our own page is opened.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, url: str, *, allow: str = "", **options: Any) -> Iterator[Page]:
    """A page with a profile of its own.

    At its end nothing may have been complained of: no error of a script, nothing that the
    page's policy forbids, no line of the console that is a warning or an error.

    :param allow: a complaint that holds this is expected.
    """
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("warning", "error"):
            complaints.append(message.text)

    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        yield page
        bad = [each for each in complaints if not allow or allow not in each]
        assert not bad, bad
    finally:
        context.close()
