"""The other end of the bare stream: `python -m bench.sink COUNT HOST PORT USERNAME PASSWORD_FILE [CA]`.

Takes the messages on bench/there and says so on bench/back after every COUNT of them, until its standard input ends.
"""

import sys

from bench.echo import BACK, THERE
from bench.floors import Way, bare_client, subscribe


def main(count: str, *way: str) -> None:
    client = bare_client(Way.of(*way))
    taken = 0

    def take(*_arguments: object) -> None:
        nonlocal taken
        taken += 1
        if taken % int(count) == 0:
            client.publish(BACK, b"", qos=1)

    client.on_message = take
    subscribe(client, THERE)
    print("ready", flush=True)
    sys.stdin.read()
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
