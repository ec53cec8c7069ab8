"""The API against its own OpenAPI document: requests made from the schema, good and bad, by schemathesis.

No answer may be a server error, have a status, media type, header or body that the document does not tell of, or accept
what the schema forbids. The long form is a command: `schemathesis run http://127.0.0.1:8080/openapi.json`.
"""

import itertools

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import checks as known
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode

load_all_checks()
PROMISES = [
    known.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "missing_required_header",
        "unsupported_method",
    )
]
EXAMPLES = 6
QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
REFUSALS = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
NOT_TRIED = {
    ("DELETE", "/api/v1/session"),  # it would end the session of all that follows
    ("GET", "/api/v1/areas/{area_id}/events"),  # it never ends; tests/booking/web/test_live.py reads it
}


def broken_promises(house, headers, wanted=""):
    """Return what `EXAMPLES` good and as many bad requests to each operation brought to light, a text each."""
    schema = schemathesis.openapi.from_url(f"{house.url}/openapi.json", config=CONFIG)
    found, tried = [], 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if (operation.method.upper(), operation.path) in NOT_TRIED or wanted not in operation.path:
            continue
        tried += 1
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @QUIET
            @given(case=operation.as_strategy(generation_mode=mode))
            def hold(case):
                case.call_and_validate(checks=PROMISES, headers=headers)

            try:
                hold()
            except Unsatisfiable:
                continue  # nothing about this operation can be wrong
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it is, it is told
                found.append(f"{operation.label} ({mode.value}): {getattr(error, 'exceptions', [error])}")
    assert tried
    return found


@pytest.mark.parametrize("who", ["reader", "stranger"])
def test_every_answer_is_as_documented(house, api, who):
    headers = {"authorization": api("S2023001").headers["authorization"]} if who == "reader" else {}
    assert "\n".join(broken_promises(house, headers)) == ""


def test_every_answer_to_staff_is_as_documented(house, api):
    headers = {"authorization": api("STAFF01").headers["authorization"]}
    assert "\n".join(broken_promises(house, headers, "/staff/")) == ""


def map_body(context, body):
    """Let a wish be one that the library can grant, two times out of three: a real seat, from now, to a full hour."""
    if context.operation.label != "POST /api/v1/reservations" or not isinstance(body, dict):
        return body
    pick = len(repr(body))
    return (
        body
        if pick % 3 == 0
        else {"seat": f"2f-centre-{pick % 7 + 1:03}", "end": f"2023-07-17T{18 + pick % 3}:00:00+08:00"}
    )


def test_what_one_answer_names_another_request_can_use(open_house, api_of, house):
    """Stateful: reservations, records and waits that one operation returns go into the next.

    Each chain of requests has a service of its own: what an earlier one left there must not steer it.
    """
    schema = schemathesis.openapi.from_url(f"{house.url}/openapi.json", config=CONFIG)
    schema = schema.exclude(path="/api/v1/session").exclude(path_regex="/events$")
    schema.hook(map_body)
    # `map_body` makes good wishes of bad ones too
    answered = [promise for promise in PROMISES if promise.__name__ != "negative_data_rejection"]
    machine = schema.as_state_machine()
    services, booked = itertools.count(1), []

    class Reader(machine):
        def setup(self):
            super().setup()
            self.own = open_house(name=f"chain-{next(services)}")
            self.signed_in = api_of(self.own, "S2023001").headers["authorization"]

        def teardown(self):
            self.own.close()
            super().teardown()

        def get_call_kwargs(self, case):
            return {"headers": {"authorization": self.signed_in}, "base_url": self.own.url}

        def validate_response(self, response, case, **_):
            case.validate_response(response, checks=answered)
            if case.operation.label == "POST /api/v1/reservations" and response.status_code == 201:
                booked.append(response)

    run_state_machine_as_test(Reader, settings=settings(QUIET, max_examples=10, stateful_step_count=12))
    assert booked, "nothing was booked: the requests never met a rule"
