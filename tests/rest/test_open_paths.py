"""What is served without a token: health, numbers and the API explorer; and what every path answers to odd methods."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from html.parser import HTMLParser

import httpx
import pytest

from tests.house import House, Org, wait_for

OPEN = ("/healthz", "/readyz", "/openapi.json", "/docs", "/docs/start.js")


class Loads(HTMLParser):
    """What a page loads: every src and href."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as the parser calls it
        self.places += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_explorer_is_whole_without_the_internet(house: House) -> None:
    """A practice's server need not reach any other host: every asset comes from here, and the policy says so."""
    page = httpx.get(f"{house.url}/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    places = Loads(page.text).places
    assert places
    for place in places:
        if place == "data:,":
            continue  # an icon that is none, so that the browser asks for none
        assert place.startswith("/docs/")
        asset = httpx.get(house.url + place)
        kind = "text/css" if place.endswith(".css") else "text/javascript"
        assert (asset.status_code, asset.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert len(asset.content) > 100
    start = httpx.get(f"{house.url}/docs/start.js").text
    assert not re.search(r"https?:|//[a-z]", page.text + start)
    assert '"/openapi.json"' in start
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert all("http" not in allowed and "*" not in allowed for allowed in policy.values())


def test_health_and_readiness_answer_without_a_token(house: House) -> None:
    """Whoever watches the server is told that it lives and that its database answers."""
    assert httpx.get(f"{house.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{house.url}/readyz").json() == {"status": "ready"}


def numbers(house: House, name: str, **labels: str) -> float:
    """The sum of a number's samples that carry these labels."""
    total = 0.0
    for line in httpx.get(house.metrics).text.splitlines():
        found = re.fullmatch(rf"{name}\{{(.*)\}} (\S+)", line)
        if found and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', found[1])).items():
            total += float(found[2])
    return total


def test_every_request_is_counted_whichever_worker_answered(org: Org) -> None:
    """Two workers, one truth: n requests over fresh connections raise the count by n, in the right cell."""
    route = "/api/v1/{org_id}/patients/counts/by-location"
    asked = {"method": "HEAD", "route": route}  # which no other test asks for: its counts would still be on their way
    assert numbers(org.house, "chairside_requests_total", **asked) == 0
    token = {"Authorization": f"Bearer {org.token('admin')}"}
    for _ in range(24):
        assert httpx.head(f"{org.base}/patients/counts/by-location", headers=token).status_code == 200
    for _ in range(6):
        assert httpx.head(f"{org.base}/patients/counts/by-location").status_code == 401
    # The counts of the workers are up to a second old.
    wait_for(lambda: numbers(org.house, "chairside_requests_total", **asked, status="200") == 24)
    wait_for(lambda: numbers(org.house, "chairside_requests_total", **asked, status="401") == 6)
    wait_for(lambda: numbers(org.house, "chairside_request_seconds_count", **asked) == 30)
    wait_for(lambda: numbers(org.house, "chairside_request_seconds_bucket", **asked, le="+Inf") == 30)


def test_more_than_one_worker_answers_and_all_are_counted(house: House) -> None:
    """The sum above would prove little if one worker had answered everything."""
    files = house.data_dir / "metrics"
    wait_for(lambda: sum(f.name.isdecimal() for f in files.iterdir()) == 2)


def test_numbers_tell_nothing_of_patients(org: Org) -> None:
    """Routes appear as patterns: no id, no name, no query, no token, whatever was asked for and refused."""
    desk = org.desk()
    made = desk.made("/patients", {"first_name": "Zebedee", "last_name": "Quill", "email": "zq@example.org"})
    desk.read(f"/patients/{made['id']}")
    desk.read("/patients/search", q="zebed")
    desk.get("/patients/zebedee-quill")
    httpx.get(f"{org.house.url}/zebedee/{made['id']}")
    httpx.request("ZEBEDEE", f"{org.house.url}/healthz")
    wait_for(lambda: 'route="/api/v1/{org_id}/patients/{patient_uuid}"' in httpx.get(org.house.metrics).text)
    wait_for(lambda: 'method="OTHER"' in httpx.get(org.house.metrics).text)
    text = httpx.get(org.house.metrics).text
    for secret in ("ebed", "EBED", "quill", "zq@", made["id"], org.id, org.token("admin")):
        assert secret not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text)


SPELLINGS = (
    "/metrics", "/metrics/", "//metrics", "/./metrics", "/METRICS", "/Metrics", "/%6detrics", "/metrics%2f",
    "/metrics?a=1", "/metrics;a", "/docs/../metrics", "/api/v1/../../metrics", "/metrics%00", "/metrics//",
    "/metrics.txt",
)  # fmt: skip


def raw(port: int, path: str, method: str = "GET") -> bytes:
    """The answer to a path exactly as given, because HTTP clients mend some of them."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while piece := client.recv(65536):
            said += piece
    return said


@pytest.mark.parametrize("path", SPELLINGS)
def test_the_port_of_the_api_has_no_metrics_however_they_are_spelt(house: House, path: str) -> None:
    """A proxy that lets everything through shows nobody how busy a practice is."""
    said = raw(house.port, path)
    assert said.split(b" ")[1] in (b"400", b"404")
    assert b"chairside_" not in said


def test_the_port_of_metrics_has_metrics_and_nothing_else(house: House) -> None:
    """Nothing of the API can be reached there, and a client that says nothing keeps others waiting for seconds only."""
    with socket.create_connection(("127.0.0.1", house.metrics_port), timeout=30):
        assert b"chairside_requests_total" in raw(house.metrics_port, "/metrics")
    head = raw(house.metrics_port, "/metrics", "HEAD")
    assert (head.split(b" ")[1], head.partition(b"\r\n\r\n")[2]) == (b"200", b"")
    for path in ("/", "/healthz", "/docs", "/openapi.json", "/metrics/", "/METRICS", "/api/v1/x/patients"):
        assert raw(house.metrics_port, path).split(b" ")[1] == b"404"
    assert raw(house.metrics_port, "/metrics", "POST").split(b" ")[1] == b"501"


@pytest.mark.parametrize("path", OPEN)
def test_head_answers_what_get_answers_without_the_body(house: House, path: str) -> None:
    """Load balancers and monitors ask with HEAD."""
    got, head = httpx.get(house.url + path), httpx.head(house.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"]


KEPT = ("/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")


@pytest.mark.parametrize("path", KEPT)
def test_a_file_is_sent_compressed_to_those_who_take_that(house: House, path: str) -> None:
    """The same contents either way, and caches are told that there are two."""
    with httpx.Client(base_url=house.url, headers={"Accept-Encoding": "identity"}) as client:
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
        refused = [client.get(path, headers={"Accept-Encoding": wanted}) for wanted in ("gzip;q=0", "br", "*;q=0")]
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert {answer.headers["vary"] for answer in (plain, packed)} == {"accept-encoding"}
    for answer in refused:
        assert "content-encoding" not in answer.headers
        assert answer.content == plain.content


@pytest.mark.parametrize("path", KEPT)
def test_a_file_that_a_client_has_is_not_sent_again(house: House, path: str) -> None:
    """304 for its ETag, in whatever form it is named, and the file for another one."""
    tag = httpx.get(house.url + path).headers["etag"]
    for named in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        answer = httpx.get(house.url + path, headers={"If-None-Match": named})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), named
    answer = httpx.get(house.url + path, headers={"If-None-Match": '"other"'})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


def test_what_a_browser_loads_first_is_small(house: House) -> None:
    """Under 700 kB on the wire altogether, so that the explorer opens at once on a slow line as well."""
    sizes = {path: int(httpx.head(house.url + path).headers["content-length"]) for path in KEPT}
    assert sum(sizes.values()) < 700_000, sizes


def test_the_root_leads_to_the_explorer(house: House) -> None:
    """The address that `serve` prints leads to a page to begin with."""
    answer = httpx.get(house.url)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
    assert "Chairside API" in httpx.get(house.url, follow_redirects=True).text


def test_the_explorer_finds_the_org_of_a_token(org: Org) -> None:
    """The function of its script that reads the org from a token, on a real one and on what is none."""
    if shutil.which("node") is None:
        pytest.skip("There is no node here to run a function of the explorer with")
    script = httpx.get(f"{org.house.url}/docs/start.js").text
    function = script[: script.index("/* The document with this org")]
    tried = [org.token("admin"), org.token("admin")[:-1], "", "chs_x_y"]
    shown = f"{function}\nconsole.log(JSON.stringify({json.dumps(tried)}.map(orgOf)))"
    done = subprocess.run(["node", "-e", shown], capture_output=True, text=True, check=True)  # noqa: S607 - the PATH's
    assert json.loads(done.stdout) == [org.id, "", "", ""]


def test_the_explorer_keeps_a_token_for_the_tab_only(house: House) -> None:
    """Nothing that lasts: no localStorage, no cookie; sessionStorage has one key, the token."""
    start = httpx.get(f"{house.url}/docs/start.js").text
    assert not re.search(r"localStorage|cookie|indexedDB|persistAuthorization: true", start)
    assert re.findall(r"sessionStorage\.(\w+)\((\w+)", start) == [
        ("setItem", "KEPT"), ("removeItem", "KEPT"), ("getItem", "KEPT"),
    ]  # fmt: skip


def test_head_of_a_record_needs_a_token_and_carries_its_version(shared_org: Org) -> None:
    """The same rights, the same ETag, no body; a later request on the connection is not confused by it."""
    desk = shared_org.desk()
    made = desk.made("/patients", {"first_name": "Ana", "last_name": "Headly"})
    path = f"/patients/{made['id']}"
    assert httpx.head(shared_org.base + path).status_code == 401
    head = desk.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", '"1"')
    assert desk.head(f"/patients/{shared_org.id}").status_code == 404
    assert desk.read(path)["id"] == made["id"]


def test_options_names_what_a_path_takes(shared_org: Org) -> None:
    """All of it, and nothing is done."""
    desk = shared_org.desk()
    for path, methods in {
        "/patients": "GET, HEAD, OPTIONS, POST",
        f"/patients/{shared_org.id}": "GET, HEAD, OPTIONS, PATCH",
        "/patients/bulk": "OPTIONS, POST",
    }.items():
        answer = desk.options(path)
        assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", methods)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PROPFIND"])
def test_a_method_that_a_path_does_not_take_is_refused_by_name(shared_org: Org, method: str) -> None:
    """405 with what it does take, in the one form of every error."""
    answer = shared_org.desk().request(method, "/patients")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert [p["type"] for p in answer.json()["detail"]] == ["method_not_allowed"]


def test_no_page_of_another_site_may_read_answers(shared_org: Org) -> None:
    """There is no leave for other origins: a browser keeps a stranger's script away from records."""
    answer = shared_org.desk().get("/patients", headers={"Origin": "https://elsewhere.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
