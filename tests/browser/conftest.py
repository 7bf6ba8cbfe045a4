"""A real Chromium, headless and without a network, that pages are opened in.

::

    def test_a_page(browser, axe, tmp_path):
        seen = opened(browser, page)
        assert seen.console == [] and seen.requests == []
        assert axe(browser) == []

Without Chromium, its driver, or (for axe) npm the tests are skipped, and say why.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from filelock import FileLock
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"),
    *("--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb", "--window-size=1280,900"),
    "--force-prefers-reduced-motion",  # or a click would hit what is still moving
)

Driver = webdriver.Chrome
Axe = Callable[[Driver], list[str]]


@dataclass(frozen=True)
class Seen:
    """What opening a page brought about.

    Attributes
    ----------
    console
        What the console shows: errors, warnings, what scripts wrote.
    requests
        Every address that was asked for or tried, without the page's own and without `data:`.
    """

    console: list[str]
    requests: list[str]


class NoBrowser(Exception):
    """Why there is none here."""


@contextmanager
def chromium(profile: Path) -> Iterator[Driver]:
    """A Chromium that reaches nothing but files and this machine, 1280 by 900, in the light scheme.

    Parameters
    ----------
    profile
        An empty folder for what it keeps.

    Raises
    ------
    NoBrowser
        It, or its driver, is not here, or does not start.
    """
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    binary = next((found for name in names if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        raise NoBrowser("there is no Chromium with its driver here (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "localhost,127.0.0.1")  # the driver is on this machine
        try:
            started = Driver(options=options, service=Service(driver))
        except WebDriverException as error:
            raise NoBrowser(f"Chromium does not start here: {error.msg}") from error
        try:
            started.set_page_load_timeout(120)
            started.set_script_timeout(120)
            yield started
        finally:
            started.quit()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One Chromium for all tests of a session."""
    try:
        with chromium(tmp_path_factory.mktemp("chromium")) as started:
            yield started
    except NoBrowser as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True)
def _as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """Undo what a test set with `scheme` and `width`."""
    yield
    driver = getattr(request.node, "funcargs", {}).get("browser")  # not there where the test was skipped
    if driver is not None:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.get("about:blank")


def opened(browser: Driver, page: Path, fragment: str = "") -> Seen:
    """Open a file, from its beginning and without what an earlier page left; what came of it."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what was there before is no concern of this page
    address = page.absolute().as_uri()
    browser.get(address + fragment)
    settled(browser)
    return Seen(console(browser), requests(browser, address))


def settled(browser: Driver) -> None:
    """Wait until the page has been drawn and its scripts are idle."""
    browser.execute_async_script(
        "const done = arguments[0];"
        "requestAnimationFrame(() => requestAnimationFrame(() => requestIdleCallback(() => done())))"
    )


def console(browser: Driver) -> list[str]:
    """What the console has shown since it was last asked."""
    return [f"{entry['level']}: {entry['message']}" for entry in browser.get_log("browser")]


def requests(browser: Driver, address: str) -> list[str]:
    """The addresses asked for since the last question, without this page's own."""
    asked = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            params = message["params"]
            asked.append(params["request"]["url"] if "request" in params else params["url"])
    return [url for url in asked if url.partition("#")[0] != address and not url.startswith(("data:", "about:"))]


def scheme(browser: Driver, name: Literal["light", "dark"]) -> None:
    """Let the reader prefer this colour scheme, until the test ends."""
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})


def width(browser: Driver, pixels: int, height: int = 900) -> None:
    """Make the window as wide as a phone's (390), say, until the test ends."""
    size = {"width": pixels, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.fixture(scope="session")
def axe() -> Axe:
    """Look for accessibility faults in the page that is open: those of serious or critical impact, a line each."""
    source = _axe_source()

    def faults(browser: Driver) -> list[str]:
        browser.execute_script(source)
        found: dict[str, Any] = browser.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {preload: false, resultTypes: ['violations']})"
            ".then(done, error => done({failure: String(error)}))"
        )
        assert "failure" not in found, found["failure"]
        return [
            f"{fault['id']} ({fault['impact']}): {fault['help']}: {node['html'][:200]}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    return faults


def _axe_source() -> str:
    """Axe-core as the lock file names it; installed if it is not there yet."""
    npm = shutil.which("npm")
    with FileLock(HERE / ".axe.lock"):  # several workers of one run come here at once
        if not AXE.is_file():
            if npm is None:
                pytest.skip("axe-core is not here, and neither is npm, which would install it")
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            done = subprocess.run([npm, "ci", *quiet], cwd=HERE, capture_output=True, timeout=300, check=False)
            if done.returncode or not AXE.is_file():
                pytest.skip("npm could not install axe-core")
    return AXE.read_text("utf-8")
