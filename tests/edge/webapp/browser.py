"""Headless Chromium, driven over the DevTools protocol as a person would: keys, clicks, screen."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 15.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
    "--window-size=1200,900",
)
_KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._count = 0
        self.problems: list[str] = []
        self.requested: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=SECONDS))
            if message.get("id") == self._count:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            # an answer of 4xx is no problem of a page
            if params["entry"]["source"] != "network":
                self.problems.append(params["entry"]["text"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif event["method"] == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        self._leaving(lambda: self.send("Page.navigate", url=url))

    def _leaving(self, act: Callable[[], object]) -> None:
        """Does `act` and waits until another page than this one is there."""
        self.run("window.before = true")
        act()
        self.wait("!window.before && document.readyState === 'complete'")

    def wait(self, script: str, seconds: float = SECONDS) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                if self.run(script):
                    return
            except AssertionError:  # between two pages
                pass
            assert time.monotonic() < end, f"waited in vain for {script}: {self.text}"
            time.sleep(0.02)

    @property
    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    @property
    def title(self) -> str:
        return str(self.run("document.title"))

    def key(self, name: str, *, shift: bool = False) -> None:
        code = _KEYS[name]
        text = {"Enter": "\r", " ": " "}.get(name, "")
        common = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self.send("Input.insertText", text=text)

    def focused(self) -> str:
        """What a reader would say of the element with the focus: its kind and name."""
        return str(self.run(_FOCUSED))

    def tab_to(self, name: str) -> None:
        """Presses the tab key until `name` has the focus; as a person without a mouse does."""
        for _ in range(40):
            self.key("Tab")
            if name in self.focused():
                return
        raise AssertionError(f"the tab key never comes to {name}")

    def fill(self, name: str, text: str) -> None:
        """Goes to the field by its label, and replaces what it holds."""
        assert self.run(
            "(() => { const label = [...document.querySelectorAll('label')]"
            f".find(l => l.textContent.trim() === {json.dumps(name)});"
            "if (!label || !label.control) return false;"
            "label.control.focus(); label.control.select(); return true; })()"
        ), f"no field {name}: {self.text}"
        self.type(text)

    def press(self, name: str) -> None:
        """Clicks the link or button of this name, and waits for the next page."""
        script = (
            "(() => { const found = [...document.querySelectorAll('a, button, summary')]"
            f".find(e => e.textContent.trim() === {json.dumps(name)});"
            "if (!found) return false; found.click(); return true; })()"
        )

        def act() -> None:
            assert self.run(script), f"no link or button {name}: {self.text}"

        self._leaving(act)

    def enter(self) -> None:
        """Presses Enter, and waits for the next page."""
        self._leaving(lambda: self.key("Enter"))

    def size(self, width: int, height: int = 900) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def screenshot(self, path: Path) -> None:
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(answer["data"]))


_FOCUSED = """(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return 'nothing';
  const label = e.labels && e.labels[0] ? e.labels[0].textContent : e.textContent;
  return e.tagName.toLowerCase() + ' ' + (e.getAttribute('aria-label') || label || '').trim();
})()"""


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """A browser of its own with one empty tab."""
    assert CHROMIUM is not None
    process = subprocess.Popen(
        [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        page = _first_page(profile)
        with connect(page, max_size=1 << 26, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _first_page(profile: Path) -> str:
    """The address of the tab, as soon as the browser tells it."""
    import urllib.request

    told = profile / "DevToolsActivePort"
    end = time.monotonic() + SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        if told.exists() and len(lines := told.read_text().splitlines()) > 1:
            with opener.open(f"http://127.0.0.1:{lines[0]}/json/list", timeout=SECONDS) as answer:
                for tab in json.load(answer):
                    if tab["type"] == "page":
                        return str(tab["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
