"""docs/topics.md is the code's own word, is valid AsyncAPI 3.0, and describes what is really on the wire.

asyncapi-3.0.0.json.gz is the specification's schema as npm's @asyncapi/specs 6.11.1 ships it (Apache-2.0), compressed.
"""

import gzip
import importlib.util
import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from messages import access, access_list, acknowledgement, command, notification, presence, seats
from messages.asyncapi import CHANNELS, document
from messages.topics import build, parse

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
TYPES = {
    access.ACCESS_TYPE,
    access.PASSAGE_TYPE,
    access.ALARM_TYPE,
    access.COMMAND_RESULT_TYPE,
    access_list.TYPE,
    acknowledgement.TYPE,
    command.TYPE,
    notification.TYPE,
    presence.TYPE,
    seats.TYPE,
}


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("make_topics", ROOT / "tools" / "make_topics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_the_page_is_what_the_types_say(page):
    stored = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    assert stored == page, "the types of messages/ changed: run tools/make_topics.py"


def test_the_page_holds_one_asyncapi_document(page):
    block = page.split("```yaml\n")[1].split("```\n")[0]
    assert yaml.safe_load(block) == json.loads(json.dumps(document("0.1.0")))


def test_it_is_valid_asyncapi():
    schema = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.json.gz").read_bytes()))
    validator = jsonschema_rs.validator_for(schema)
    assert [error.message for error in validator.iter_errors(document("0.1.0"))] == []
    broken = document("0.1.0") | {"channels": {"x": {"address": 7}}}
    assert not validator.is_valid(broken)


def test_every_form_of_payload_has_a_channel():
    assert {message.type for channel in CHANNELS for message in channel.messages} == TYPES


def test_every_channel_is_a_topic_that_can_be_built_and_parsed():
    for channel in CHANNELS:
        topic = build("lib", channel.family, "some-name", channel.leaf)
        assert topic == channel.address.format(site="lib", name="some-name")
        assert (parse(topic).family, parse(topic).leaf) == (channel.family, channel.leaf)


@pytest.mark.parametrize("golden", sorted((HERE / "golden").glob("*.json")), ids=lambda file: file.stem)
def test_the_golden_payloads_are_what_the_document_describes(golden):
    described = document("0.1.0")
    payload = json.loads(golden.read_text(encoding="utf-8"))
    name = payload["type"].split(".")[-2]
    form = described["components"]["messages"][name]["payload"]
    validator = jsonschema_rs.validator_for(form | {"components": described["components"]})
    assert [error.message for error in validator.iter_errors(payload)] == []
    assert not validator.is_valid(payload | {"type": "org.seatgate.other.v1"})
    first = next(iter(payload["data"]))
    assert not validator.is_valid(payload | {"data": payload["data"] | {first: {"of": "another kind"}}})
