"""Each row of the security list, by requests that a browser or an enemy would send."""

import hashlib
import socket
import urllib.parse
from importlib.resources import files

import pytest
from click.testing import CliRunner
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from loadscope.suite.cli.main import cli
from loadscope.suite.web import app
from loadscope.suite.web.forms import read_form
from loadscope.suite.web.guard import MOST_BYTES
from loadscope.suite.web.page import Page, all_pages


@pytest.fixture
def form(monkeypatch):
    """One more page, which takes a form."""

    async def take(request):
        async with read_form(request) as fields:
            return PlainTextResponse(str(fields.get("word")))

    pages = (*all_pages(), Page("", 99, (Route("/take", take, methods=["POST"]),)))
    monkeypatch.setattr(app, "all_pages", lambda: pages)


def raw(visitor, text):
    """What a server answers to bytes; the status alone."""
    address = urllib.parse.urlsplit(visitor.address)
    with socket.create_connection((address.hostname, address.port), 30) as sock:
        sock.sendall(text.replace("\n", "\r\n").encode())
        return int(sock.recv(4096).split()[1])


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:9", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example", 400),
     ("127.0.0.1.evil.example", 400), ("", 400)],
)  # fmt: skip
def test_only_known_hosts_are_answered(visit, host, status):
    assert visit().get("/", headers={"Host": host}).status_code == status


def test_another_address_needs_a_token(tmp_path):
    asked = ["web", "--host", "0.0.0.0", "--port", "0", "--runs", str(tmp_path)]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code != 0 and "--token" in str(getattr(done.exception, "fix", ""))


def test_a_token_moves_from_the_address_into_a_cookie(visit):
    visitor = visit(token="s3cret")
    assert visitor.get("/").status_code == 401
    assert visitor.get("/?token=wrong").status_code == 401
    answer = visitor.get("/runs?token=s3cret&valid=true", allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?valid=true")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert visitor.get("/").status_code == 200, "the cookie is enough"
    visitor.http.cookies.set("loadscope", "wrong")
    visitor.http.cookies.clear()
    assert visitor.get("/").status_code == 401


def test_a_form_counts_from_its_own_page_alone(visit, form):
    visitor = visit()
    assert visitor.post("/take", {"word": "good"}).text == "good"
    assert visitor.http.post(f"{visitor.address}/take", data={"word": "x"}).status_code == 403
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert visitor.post("/take", {"word": "x"}, headers=headers).status_code == 403
    assert visitor.post("/take", {"word": "y"}, headers={"Origin": visitor.address}).text == "y"


def test_a_body_has_a_limit_whatever_its_header_says(visit, form):
    visitor = visit()
    assert visitor.post("/take", {"word": "a" * MOST_BYTES}).status_code == 413
    head = f"POST /take HTTP/1.1\nHost: localhost\nContent-Length: {MOST_BYTES + 1}\n\n"
    assert raw(visitor, head) == 413

    def pieces():
        yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        for _ in range(MOST_BYTES // 2**20 + 1):
            yield b"a" * 2**20

    form_type = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = visitor.http.post(f"{visitor.address}/take", data=pieces(), headers=form_type)
    assert answer.status_code == 413


def test_read_only_refuses_every_change(visit, form):
    visitor = visit(read_only=True)
    assert visitor.get("/").status_code == 200
    for page in all_pages():
        for route in page.routes:
            if "POST" in (route.methods or ()):
                path = route.path.replace("{uid}", "1")
                assert visitor.post(path).status_code == 403, route.path
    assert visitor.post("/take", {"word": "x"}).status_code == 403


def test_every_answer_says_what_a_browser_may_do(visit):
    visitor = visit()
    for path in ("/", "/runs", "/static/app.css", "/nothing"):
        headers = visitor.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin", "no-referrer makes Origin null"


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/app.py",
     "/runs/../../etc/passwd", "/runs/nothing/files/run.json"],
)  # fmt: skip
def test_nothing_else_of_the_disk_is_served(visit, path):
    visitor = visit()
    assert raw(visitor, f"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n") == 404


def test_a_port_that_is_taken_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(cli, ["web", "--port", port, "--runs", str(tmp_path)])
    assert f"cannot listen on 127.0.0.1:{port}" in str(done.exception)


def test_scripts_of_others_are_as_published():
    folder = files("loadscope.suite.web") / "vendored"
    told = (folder / "README.md").read_text()
    for name in ("uplot.min.js", "uplot.css"):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in told
