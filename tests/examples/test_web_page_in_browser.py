"""The page of examples/web_page.py, as somebody sees it who types, clicks and reads."""

import os
import shutil
import signal

import pytest

from tools.waiting import until

from .conftest import ROOT

CHROMIUM = os.environ.get("GEMSTONE_TEST_CHROMIUM", "chromium")
DRIVER = os.environ.get("GEMSTONE_TEST_CHROMEDRIVER", "chromedriver")

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium, which a person's own one knows nothing of."""
    from selenium import webdriver  # is there on one interpreter only, as the browser

    programs = [shutil.which(name) for name in (CHROMIUM, DRIVER)]
    assert all(programs), f"{CHROMIUM} or {DRIVER} is not here: scripts/programs installs it"
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    options.add_argument("--headless")
    options.add_argument("--disable-dev-shm-usage")  # which is small in containers
    options.add_argument("--window-size=900,600")
    options.add_argument("--no-proxy-server")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own does not run as root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    yield browser
    browser.quit()


@pytest.fixture
def page(serve, tmp_path, browser):
    """The page, and the program that serves it."""
    for folder in ("static", "templates"):
        shutil.copytree(ROOT / "examples" / folder, tmp_path / folder)
    text = (ROOT / "examples" / "web_page.py").read_text()
    # Browsers keep their connections open.
    program = serve(text.replace("port = 8000", "port = 8000\n    drain_grace = 0"))
    browser.get(program.url.removesuffix("api"))
    yield Page(browser, program)
    code, output = program.end(signal.SIGTERM)
    assert code == 0, output
    assert "Traceback" not in output


class Page:
    def __init__(self, browser, program) -> None:
        self.browser = browser
        self.program = program

    def element(self, selector):
        return self.browser.find_element("css selector", selector)

    def say_hello(self, name):
        field = self.element("#name")
        field.clear()
        field.send_keys(name)
        self.element("button").click()

    def answers(self, text, kind=""):
        answer = self.element("#answer")
        until(
            lambda: answer.text == text and self.element("button").is_enabled(),
            what=f"the page says {text!r}",
        )
        assert answer.get_attribute("class") == kind

    def complaints(self):
        """What the browser's console has said since it was asked."""
        return [each["message"] for each in self.browser.get_log("browser")]


def test_who_types_a_name_is_greeted(page):
    assert page.browser.title == "web_page_service"
    assert page.element("h1").text == "web_page_service"
    page.element("button").click()
    page.answers("hello world")
    for name in ("ada", "Jiří", "<b>bold</b>"):
        page.say_hello(name)
        page.answers(f"hello {name}")
    assert page.complaints() == []
    style = page.element("main").value_of_css_property("max-width")
    assert style == "448px"  # the style sheet is there


def test_what_the_service_refuses_is_said(page):
    page.say_hello(" ")
    page.answers("Everybody has a name (1)", "error")
    page.say_hello("ada")
    page.answers("hello ada")


def test_that_the_service_is_away_is_said(page):
    page.say_hello("ada")
    page.answers("hello ada")
    page.program.process.send_signal(signal.SIGTERM)
    page.program.process.wait(30)
    page.say_hello("grace")
    page.answers("The service is away.", "error")
    assert any("ERR_CONNECTION_REFUSED" in each for each in page.complaints())
