"""What surrounds every answer: headers, problems of faults, health, metrics, the API's description, texts in both languages."""

import json
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from booking.domain.refusals import Refusal, RefusalCode
from booking.web import refusal_words, service_routes
from booking.web.language import Words

ONE, STAFF = "S2023001", "STAFF01"
ROOT = Path(__file__).parents[3]
KEYWORDS = {"_": None, "N_": None, "words": None, "marked": None, "self": None}
FIELDS = re.compile(r"\{(\w+)\}")


def shown_texts():
    """Every message id in code and templates."""
    found = {}
    for file in sorted((ROOT / "booking").rglob("*")):
        method = {".py": "python", ".html": "jinja2"}.get(file.suffix)
        if method:
            options = {"silent": "false"} if method == "jinja2" else None
            for line, message, _, _ in extract_from_file(method, file, keywords=KEYWORDS, options=options):
                if isinstance(message, str) and message:
                    found.setdefault(message, f"{file.relative_to(ROOT)}:{line}")
    return found


@pytest.mark.parametrize("language", ["zh_Hans_CN", "en"])
def test_every_text_is_translated_and_no_translation_is_left_over(language):
    with (ROOT / "booking" / "locale" / language / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    known = {message.id: message.string for message in catalogue if message.id}
    shown = shown_texts()
    assert not {text: where for text, where in shown.items() if not known.get(text)}
    assert not set(known) - set(shown)
    for text, translated in known.items():
        assert sorted(FIELDS.findall(text)) == sorted(FIELDS.findall(translated)), text
        if (
            language == "zh_Hans_CN"
            and re.search(r"[A-Za-z]{3,}", text.replace("Idempotency-Key", ""))
            and text != " / {total}"
        ):
            assert re.search(r"[\u4e00-\u9fff]", translated) or translated.startswith("{"), text


def test_every_refusal_has_a_sentence_in_both_languages(house):
    now = house.clock.now()
    for code in RefusalCode:
        both = {
            refusal_words.reason(Refusal(code), Words(language, house.site.timezone, now), house.site.policy)
            for language in ("zh_Hans_CN", "en")
        }
        assert len(both) == 2, code


def test_every_answer_carries_the_strict_headers(browser, api):
    for answer in (browser().get("/sign-in"), browser(ONE).get("/areas"), api().get("/nowhere"), api().get("/docs")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


def test_pages_name_no_other_host_and_carry_no_inline_script_or_style(browser, house):
    phone, desk = browser(ONE), browser(STAFF)
    pages = [phone.get(path) for path in ("/", "/areas", "/areas/2f-centre", "/me", "/docs", "/notifications")]
    pages += [desk.get(path) for path in ("/staff", "/staff/kiosks", "/staff/gates")]
    for page in pages:
        hosts = set(re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//([^/"']+)""", page.text))
        assert not hosts, page.url
        assert "<style" not in page.text
        assert not re.search(r"<[^>]+\sstyle=", page.text)
        assert not re.search(r"<[^>]+\son\w+=", page.text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)


def test_the_script_stays_small():
    """At most 50 KiB of script in all, as it is, not zipped."""
    files = service_routes.load_static()
    assert sum(len(file.content) for name, file in files.items() if name.endswith(".js")) <= 50 * 1024


def test_static_files_are_kept_by_their_fingerprint(api):
    found = re.search(r'href="(/static/app.css\?v=\w+)"', api().get("/sign-in").text)
    kept = api().get(found[1])
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-encoding"] == "gzip"
    assert api().get("/static/app.css").headers["cache-control"] == "no-cache"
    for path in ("/static/../app.py", "/static/..%2fapp.py", "/static/nothing.js"):
        assert api().get(path).status_code == 404


def test_a_fault_is_a_problem_that_shows_nothing_of_itself(api, house, caplog):
    def broken(*_args, **_kwargs):
        raise RuntimeError("secret detail")

    object.__setattr__(house.context, "reads", type("Broken", (), {"__getattr__": lambda *_: broken})())
    answer = api().get("/api/v1/areas")
    assert (answer.status_code, answer.json()["code"]) == (500, "fault")
    assert "secret detail" not in answer.text
    assert answer.headers["content-security-policy"]
    page = api().get("/areas", headers={"accept": "text/html", "cookie": "seatgate=x"})
    assert page.status_code == 500
    assert "系统出错" in page.text


def test_health_readiness_and_metrics(api, house):
    assert api().get("/healthz").text == "ok\n"
    assert api().get("/readyz").json() == {"ready": True, "faults": [], "worker": "library-1", "leading": True}
    house.faults.append("the broker is not connected")
    answer = api().get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    api(ONE).book()
    api().book()
    api().get("/api/v1/areas/9f/seats")
    text = api().get("/metrics").text
    assert 'seatgate_http_requests_total{method="POST",route="/api/v1/reservations",status="201"} 1.0' in text
    assert 'seatgate_worker_info{worker="library-1"} 1.0' in text
    assert "seatgate_leading 1.0" in text
    assert 'seatgate_refusals_total{code="sign-in-required"} 1.0' in text
    assert 'route="/api/v1/areas/{area_id}/seats",status="404"' in text
    assert ONE not in text


def test_the_openapi_document_is_whole(api):
    schema = api().get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    expected = {
        ("post", "/api/v1/session"),
        ("delete", "/api/v1/session"),
        ("get", "/api/v1/venues"),
        ("get", "/api/v1/areas"),
        ("get", "/api/v1/areas/{area_id}/seats"),
        ("get", "/api/v1/areas/{area_id}/hours"),
        ("get", "/api/v1/areas/{area_id}/events"),
        ("post", "/api/v1/reservations"),
        ("get", "/api/v1/reservations"),
        ("get", "/api/v1/reservations/{reservation_id}"),
        *(
            ("post", f"/api/v1/reservations/{{reservation_id}}/{verb}")
            for verb in (
                "cancel",
                "check-in",
                "step-away",
                "return",
                "extend",
                "end",
                "move",
                "confirm-inside",
                "take-offer",
            )
        ),
        ("post", "/api/v1/check-ins"),
        ("post", "/api/v1/check-outs"),
        ("post", "/api/v1/reader-codes"),
        ("get", "/api/v1/gate-records"),
        ("post", "/api/v1/gate-records/{record_id}/confirm"),
        ("post", "/api/v1/gate-records/{record_id}/dispute"),
        ("get", "/api/v1/staff/alerts"),
        ("post", "/api/v1/staff/alerts/{alert}/seen"),
        ("post", "/api/v1/staff/dead-letters/{letter}/replay"),
        ("get", "/api/v1/notices"),
        ("get", "/api/v1/calendar"),
        ("post", "/api/v1/calendar"),
        ("delete", "/api/v1/calendar"),
        ("get", "/api/v1/calendar/{secret}.ics"),
        ("get", "/api/v1/waits"),
        ("post", "/api/v1/waits"),
        ("delete", "/api/v1/waits/{wait_id}"),
        ("get", "/api/v1/channels"),
        ("put", "/api/v1/channels/{channel}"),
        ("delete", "/api/v1/channels/{channel}"),
        ("get", "/api/v1/violations"),
        ("post", "/api/v1/violations/{violation_id}/appeal"),
        ("post", "/api/v1/reservations/{reservation_id}/take-offer"),
        ("post", "/api/v1/reservations/{reservation_id}/confirm-inside"),
        ("get", "/api/v1/notifications"),
        ("get", "/api/v1/staff/tasks"),
        ("post", "/api/v1/staff/tasks/{task}/settle"),
        ("post", "/api/v1/staff/seats/{seat}/patrol"),
        ("post", "/api/v1/reservations/{reservation_id}/take-offer"),
        ("post", "/api/v1/reservations/{reservation_id}/confirm-inside"),
        ("get", "/api/v1/draws"),
        ("get", "/api/v1/draws/{day}"),
        ("get", "/api/v1/draw-entries"),
        ("delete", "/api/v1/draw-entries/{day}"),
        ("get", "/api/v1/staff/gate-commands"),
        ("get", "/api/v1/staff/gate-commands/{command}"),
        ("post", "/api/v1/staff/gates/{gate}/commands"),
        ("get", "/api/v1/staff/evacuations"),
        ("post", "/api/v1/staff/evacuations"),
        ("post", "/api/v1/staff/evacuations/{evacuation}/end"),
        ("get", "/api/v1/staff/closures"),
        ("post", "/api/v1/staff/closures"),
        ("post", "/api/v1/staff/closures/{closure}/lift"),
        ("post", "/api/v1/devices/enroll"),
        ("get", "/api/v1/devices/{device_id}/keys"),
        ("post", "/api/v1/activation-codes"),
        ("post", "/api/v1/bindings"),
        ("get", "/api/v1/bindings"),
        ("get", "/api/v1/bindings/{binding_id}"),
        ("post", "/api/v1/bindings/{binding_id}/confirm"),
        ("post", "/api/v1/bindings/{binding_id}/refuse"),
        ("delete", "/api/v1/bindings/{binding_id}"),
        ("post", "/api/v1/kiosks/{kiosk_id}/sessions"),
        ("post", "/api/v1/kiosks/{kiosk_id}/screens/{command_id}"),
    }
    have = {(method, path) for path, operations in schema["paths"].items() for method in operations}
    assert have == expected
    text = json.dumps(schema)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        part = schema
        for name in reference.split("/"):
            part = part[name]
    names = [operation["operationId"] for operations in schema["paths"].values() for operation in operations.values()]
    assert len(names) == len(set(names))
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert operation["responses"]["422"] == {"$ref": "#/components/responses/Problem"}
    codes = schema["components"]["schemas"]["ProblemOut"]["properties"]["code"]["enum"]
    assert codes == [str(code) for code in RefusalCode]


def test_the_docs_page_explains_every_operation_and_every_refusal(api):
    page = api().get("/docs").text
    assert "/api/v1/reservations" in page
    for code in RefusalCode:
        assert f'id="{code}"' in page  # a problem's `type` leads here
