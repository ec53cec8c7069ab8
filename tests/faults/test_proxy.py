"""The proxy does what its knobs say: a campaign through a proxy that does nothing would prove nothing."""

import socket
import threading

import pytest

from bench import proxy as proxies


@pytest.fixture
def echo():
    """The port of a server that answers each line with itself."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with connection:
            while data := receive(connection):
                if data == b"go away":
                    return
                connection.sendall(data)

    def receive(connection):
        try:
            return connection.recv(65536)
        except OSError:
            return b""

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(30)


@pytest.fixture
def proxy(echo):
    with proxies.in_thread(echo) as running:
        yield running


@pytest.fixture
def dial(proxy):
    """`dial()`: a connection through the proxy."""
    opened = []

    def connect():
        opened.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=30))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def exact(connection, count):
    received = b""
    while len(received) < count:
        data = connection.recv(count - len(received))
        if not data:
            break
        received += data
    return received


def ended(connection):
    """Read to the end; return what came and how it ended: None for a goodbye."""
    received = b""
    try:
        while data := connection.recv(100):
            received += data
    except OSError as error:
        return received, type(error)
    return received, None


def receive_from(dial):
    """Dial and read."""
    return dial().recv(1)


def test_with_all_knobs_off_it_only_passes_on(proxy, dial):
    line = dial()
    line.sendall(b"hello")
    assert exact(line, 5) == b"hello"
    line.sendall(b"go away")
    assert line.recv(1) == b""


def test_a_reply_is_cut_after_so_many_bytes_and_the_connection_reset(proxy, dial):
    proxy.turn(script=lambda: proxies.cut_after(3))
    line = dial()
    line.sendall(b"hello")
    assert ended(line) == (b"hel", ConnectionResetError)


def test_in_a_black_hole_nothing_comes_and_nothing_ends_until_it_is_over(proxy, dial):
    line = dial()
    line.sendall(b"before")
    assert exact(line, 6) == b"before"
    proxy.black_hole()
    line.sendall(b"during")
    line.settimeout(0.05)
    with pytest.raises(TimeoutError):
        line.recv(1)
    line.settimeout(30)
    proxy.black_hole(on=False)
    assert exact(line, 6) == b"during"


def test_half_open_an_end_is_not_told(proxy, dial):
    proxy.turn(half_open=True)
    line = dial()
    line.sendall(b"go away")
    line.settimeout(0.05)
    with pytest.raises(TimeoutError):
        line.recv(1)


def test_reset_and_refused_connections(proxy, dial, wait_for):
    line = dial()
    line.sendall(b"x")
    assert exact(line, 1) == b"x"
    assert proxy.reset_all() == 1
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    proxy.turn(refusing=True)
    with pytest.raises(ConnectionResetError):
        receive_from(dial)  # where the reset comes during the dial or after it is the kernel's choice


def test_slow_drip_and_latency_pass_everything_all_the_same(proxy, dial):
    proxy.turn(drip=2, latency=0.01)
    line = dial()
    line.sendall(b"a longer line")
    pieces = []
    while sum(map(len, pieces)) < 13:
        pieces.append(line.recv(100))
    assert b"".join(pieces) == b"a longer line"
    assert len(pieces) > 1
