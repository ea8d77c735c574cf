"""The browser tests' own guard: who asks another machine is found out, and gets no answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Error

from tests.e2e.conftest import strangers

pytestmark = pytest.mark.e2e
FETCH = "url => fetch(url).catch(() => 0)"
SOCKET = "url => new Promise((done) => { new WebSocket(url.replace('http', 'ws')).onerror = () => done(0); })"


@pytest.mark.parametrize("how", [FETCH, SOCKET])
@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "http://fonts.example.com/x"])
def test_a_stranger_that_is_asked_is_noted_and_never_reached(browser: Browser, how: str, url: str) -> None:
    context = browser.new_context()
    asked = strangers(context)
    page = context.new_page()
    page.goto("about:blank")
    assert page.evaluate(how, url) == 0
    assert [one.partition("://")[2] for one in asked] == [url.partition("://")[2]]
    with pytest.raises(Error, match="ERR_PROXY_CONNECTION_FAILED"):
        page.goto(url)
    context.close()
