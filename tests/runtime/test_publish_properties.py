"""What goes with a message is, byte for byte, what paho itself would have written."""

from datetime import timedelta

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from runtime.mqtt_client import PublishProperties


@pytest.mark.parametrize("expiry", [None, timedelta(seconds=90), timedelta(milliseconds=1), timedelta(days=7)])
@pytest.mark.parametrize(
    "pairs", [{}, {"sig": "c2ln", "kid": "0123456789abcdef"}, {"名": "值" * 90}, {"k": "v" * 20_000}]
)
def test_the_same_bytes_as_pahos_own(pairs, expiry):
    theirs = Properties(PacketTypes.PUBLISH)
    if expiry is not None:
        theirs.MessageExpiryInterval = max(1, int(expiry.total_seconds()))
    for pair in pairs.items():
        theirs.UserProperty = pair
    assert PublishProperties(pairs, expiry).pack() == theirs.pack()
