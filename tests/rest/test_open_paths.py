"""What is served without a token: health, numbers and the API explorer; and what every path answers to odd methods."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from tests.house import House, Org, wait_for

OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/start.js")


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
    for line in httpx.get(f"{house.url}/metrics").text.splitlines():
        found = re.fullmatch(rf"{name}\{{(.*)\}} (\S+)", line)
        if found and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', found[1])).items():
            total += float(found[2])
    return total


def test_every_request_is_counted_whichever_worker_answered(org: Org) -> None:
    """Two workers, one truth: n requests over fresh connections raise the count by n, in the right cell."""
    route = "/api/v1/{org_id}/patients/counts/by-location"
    ok = {"method": "GET", "route": route, "status": "200"}
    refused = {"method": "GET", "route": route, "status": "401"}
    before = numbers(org.house, "chairside_requests_total", **ok)
    denied = numbers(org.house, "chairside_requests_total", **refused)
    timed = numbers(org.house, "chairside_request_seconds_count", method="GET", route=route)
    token = {"Authorization": f"Bearer {org.token('admin')}"}
    for _ in range(24):
        assert httpx.get(f"{org.base}/patients/counts/by-location", headers=token).status_code == 200
    for _ in range(6):
        assert httpx.get(f"{org.base}/patients/counts/by-location").status_code == 401
    # A request is counted when its answer has left, which may be a moment after it arrived.
    wait_for(lambda: numbers(org.house, "chairside_requests_total", **ok) >= before + 24)
    wait_for(lambda: numbers(org.house, "chairside_requests_total", **refused) >= denied + 6)
    assert numbers(org.house, "chairside_requests_total", **ok) == before + 24
    now = numbers(org.house, "chairside_request_seconds_count", method="GET", route=route)
    assert now == timed + 24 + 6
    assert numbers(org.house, "chairside_request_seconds_bucket", method="GET", route=route, le="+Inf") == now


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
    text = httpx.get(f"{org.house.url}/metrics").text
    assert 'route="/api/v1/{org_id}/patients/{patient_uuid}"' in text
    for secret in ("ebed", "EBED", "quill", "zq@", made["id"], org.id, org.token("admin")):
        assert secret not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text)


@pytest.mark.parametrize("path", OPEN)
def test_head_answers_what_get_answers_without_the_body(house: House, path: str) -> None:
    """Load balancers and monitors ask with HEAD."""
    got, head = httpx.get(house.url + path), httpx.head(house.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == str(len(got.content))


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
