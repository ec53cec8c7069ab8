"""Names of serial devices over a fake /run/udev and /sys: the one that stays, and the one that means two."""

import threading

import pytest

from wire.description import SerialLine
from wire.port_names import AmbiguousPort, advice, check_name
from wire.serial_port import SerialPort

CH341 = "serial/by-id/usb-1a86_USB2.0-Serial-if00-port0"
FTDI = "serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"


@pytest.fixture
def plug(tmp_path):
    """`plug(number, tty, *names)`: have udev know a device."""

    def make(minor, tty, *names):
        notes = tmp_path / "run/udev/data"
        notes.mkdir(parents=True, exist_ok=True)
        lines = [f"S:{name}" for name in names]
        (notes / f"c188:{minor}").write_text("\n".join([*lines, "I:1234", "E:ID_BUS=usb", "G:systemd"]) + "\n")
        (tmp_path / "sys/class/tty" / tty).mkdir(parents=True)
        (tmp_path / "sys/class/tty" / tty / "dev").write_text(f"188:{minor}\n")

    return make


def by_path(socket):
    return f"serial/by-path/pci-0000:00:14.0-usb-0:{socket}:1.0-port0"


def test_one_device_of_a_name_is_taken(plug, tmp_path):
    plug(0, "ttyUSB0", CH341, by_path(1))
    plug(1, "ttyUSB1", FTDI, by_path(2))
    check_name(f"/dev/{CH341}", tmp_path)
    check_name(f"/dev/{FTDI}", tmp_path)


def test_two_adapters_without_a_serial_number_are_refused_with_both_candidates(plug, tmp_path):
    plug(0, "ttyUSB0", CH341, by_path(1))
    plug(1, "ttyUSB1", CH341, by_path(2))
    with pytest.raises(AmbiguousPort) as refused:
        check_name(f"/dev/{CH341}", tmp_path)
    assert str(refused.value) == (
        f"2 devices call themselves /dev/{CH341}: name each by its socket instead: /dev/{by_path(1)}, /dev/{by_path(2)}"
    )
    for socket in (1, 2):
        check_name(f"/dev/{by_path(socket)}", tmp_path)


def test_a_port_of_such_a_name_is_not_opened_and_says_so(plug, tmp_path, wait_for):
    """Opened all the same, it would be whichever was plugged in last: the other lane's reader."""
    plug(0, "ttyUSB0", CH341, by_path(1))
    plug(1, "ttyUSB1", CH341, by_path(2))
    port = SerialPort(f"/dev/{CH341}", SerialLine(), root=tmp_path)
    heard = port.listen()

    thread = threading.Thread(target=lambda: list(heard))
    thread.start()
    wait_for(lambda: "2 devices call themselves" in port.trouble, "it is refused")
    (tmp_path / "run/udev/data/c188:1").unlink()
    wait_for(lambda: "there is no device" in port.trouble, "with the other unplugged the name is one again")
    port.stop()
    thread.join(10)


@pytest.mark.parametrize(
    "device", ["/dev/ttyS0", "/dev/pts/4", "socket://10.0.0.1:4001", "/tmp/south-1", "/dev/serial/by-id/x"]
)
def test_without_udevs_notes_nothing_is_refused(tmp_path, device):
    check_name(device, tmp_path)
    assert advice(device, tmp_path) == ""


def test_a_numbered_name_gets_a_better_one(plug, tmp_path):
    plug(0, "ttyUSB0", CH341, by_path(1))
    plug(1, "ttyUSB1", CH341, by_path(2))
    plug(2, "ttyUSB2", FTDI, by_path(3))
    assert advice("/dev/ttyUSB2", tmp_path) == f"/dev/ttyUSB2 may be another device after a reboot: name it /dev/{FTDI}"
    assert advice("/dev/ttyUSB1", tmp_path).endswith(f"name it /dev/{by_path(2)}"), "its by-id name means two"
    assert "ls -l /dev/serial/by-id" in advice("/dev/ttyACM7", tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"S:", b"S:serial/by-id/\n" * 1000])
def test_notes_that_are_rubbish_are_no_exception(plug, tmp_path, content):
    plug(0, "ttyUSB0", CH341, by_path(1))
    (tmp_path / "run/udev/data/c188:9").write_bytes(content)
    check_name(f"/dev/{CH341}", tmp_path)
