"""The other end of the bare MQTT echo: `python -m bench.echo HOST PORT USERNAME PASSWORD_FILE [CA]`.

Sends every message of bench/there back on bench/back, both with QoS 1, until its standard input ends.
"""

import sys

from bench.floors import Way, bare_client, subscribe

THERE, BACK = "bench/there", "bench/back"


def main(*way: str) -> None:
    client = bare_client(Way.of(*way))
    client.on_message = lambda _client, _data, message: client.publish(BACK, message.payload, qos=1)
    subscribe(client, THERE)
    print("ready", flush=True)
    sys.stdin.read()
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
