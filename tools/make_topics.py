#!/usr/bin/env python3
"""Write docs/topics.md: `.venv/bin/python tools/make_topics.py [FILE]`. From the types of `messages`, the same each time."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from messages.asyncapi import CHANNELS, document

PAGE = Path(__file__).parents[1] / "docs" / "topics.md"
HEAD = """\
# Topics

What Seatgate says over MQTT. Made by `tools/make_topics.py` from the types that encode and decode it, so it cannot fall
behind the code: change `messages/`, run it again. The block at the end is an [AsyncAPI 3](https://www.asyncapi.com) document;
`sed -n '/^```yaml$/,/^```$/p' docs/topics.md | sed '1d;$d'` cuts it out for a viewer or a generator.

- MQTT 5, every publish with QoS 1. Each process has one account, and the broker lets it say only what stands here.
- Every payload is a [CloudEvents](https://cloudevents.io) 1.0 envelope in structured JSON mode, at most 256 KiB (an access list: 1 MiB).
- The user properties `sig` and `kid` carry an Ed25519 signature over topic and payload ([which bytes](adr/0004-signed-bytes.md)).
- An event counts as delivered when its acknowledgement names it, never by the broker's own word
  ([why](architecture.md)). A payload that cannot be read is counted and dropped; an event that cannot be applied is kept.

| topic below `seatgate/v1/{site}/` | from → to | retained | payload (`type`) | what it is |
|---|---|---|---|---|
"""


class _Plain(yaml.SafeDumper):
    """YAML without anchors: a reader sees each part where it is used."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the dumper calls it so
        return True


def page() -> str:
    """Return the whole page."""
    rows = []
    for channel in CHANNELS:
        forms = ", ".join(f"`{message.type}`" for message in channel.messages)
        listeners = ", ".join(listener.value for listener in channel.listeners)
        kept = "yes" if channel.retained else ("no, expires" if channel.expires else "no")
        topic = channel.address.split("/{site}/")[1]
        rows.append(f"| `{topic}` | {channel.speaker.value} → {listeners} | {kept} | {forms} | {channel.says} |\n")
    text = yaml.dump(
        document(metadata.version("seatgate")), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120
    )
    return HEAD + "".join(rows) + f"\n## AsyncAPI\n\n```yaml\n{text}```\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), encoding="utf-8")
