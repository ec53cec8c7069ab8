"""A port that is listened to with a tick: quiet is told, bytes still come, and a pulled cable is still noticed."""

import threading

from simulator.pty_port import PtyPort
from wire.description import SerialLine
from wire.serial_port import Lost, Opened, Quiet, SerialPort


def test_quiet_is_told_between_bytes_and_after_the_cable_was_pulled(tmp_path, wait_for):
    with PtyPort(tmp_path / "port") as turnstile:
        port, heard = SerialPort(str(turnstile.link), SerialLine(), jitter=lambda: 2.0), []
        thread = threading.Thread(target=listen, args=(port, heard))
        thread.start()
        try:
            wait_for(lambda: Quiet() in heard, "quiet is told")
            turnstile.send(b"abc")
            wait_for(lambda: b"abc" in b"".join(each for each in heard if isinstance(each, bytes)), "the bytes came")
            turnstile.unplug()
            wait_for(lambda: any(isinstance(each, Lost) for each in heard), "the loss is told")
            turnstile.plug_in()
            wait_for(lambda: heard.count(Opened()) == 2, "it is open again")
            count = heard.count(Quiet())
            wait_for(lambda: heard.count(Quiet()) > count, "quiet again")
        finally:
            port.stop()
            thread.join(30)
    assert not thread.is_alive()


def listen(port, heard):
    for event in port.listen(0.01):
        heard.append(event)
