"""A control panel made of the `osdp` package (1.6), which is not ours, on a device path.

    python osdp_panel.py PATH ADDRESS MASTER|-

With a master key it derives the device's key from what the device says of itself. stdin: `out`, `led`, `id`. stdout, a line
each: `ready`, `card BITS HEX` for each card, `done WHAT RESULT` for what it was told to do.
"""

import logging
import os
import sys

import osdp
from osdp import (
    ControlPanel,
    LedColor,
    OutputControl,
    OutputControlCode,
    OutputControls,
    PermanentReaderControlCode,
    ReaderLedControl,
    ReaderLedControls,
    SerialPortOsdpConnection,
    TemporaryReaderControlCode,
)

logging.getLogger("osdp").setLevel(logging.CRITICAL)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Panel(ControlPanel):
    def on_raw_card_data_reply_received(self, address: int, raw_card_data: "osdp.RawCardData") -> None:  # noqa: ARG002
        say(f"card {raw_card_data.bit_count} {bytes(raw_card_data.data).hex()}")


def main(path: str, address: str, master: str) -> None:
    panel = Panel(bytes.fromhex(master) if master != "-" else None)
    line = panel.start_connection(SerialPortOsdpConnection(port=path, baud_rate=9600))
    panel.add_device(line, int(address), use_crc=True, use_secure_channel=master != "-")
    say("ready")
    for order in sys.stdin:
        what = order.strip()
        try:
            result = do(panel, line, int(address), what)
        except Exception as error:  # noqa: BLE001 - told, whatever it is
            result = repr(error)
        say(f"done {what} {result}")
    panel.shutdown()
    os._exit(0)


def do(panel: Panel, line: object, address: int, what: str) -> object:
    if what == "out":
        code = OutputControlCode.TemporaryStateOnResumePermanentState
        return panel.output_control(line, address, OutputControls([OutputControl(0, code, 10)]))
    if what == "led":
        led = ReaderLedControl(
            0, 0, TemporaryReaderControlCode.SetTemporaryAndStartTimer, 1, 0, LedColor.Green, LedColor.Black, 20,
            PermanentReaderControlCode.Nop, 0, 0, LedColor.Black, LedColor.Black,
        )  # fmt: skip
        return panel.reader_led_control(line, address, ReaderLedControls([led]))
    if what == "id":
        return panel.id_report(line, address).serial_number
    return panel.is_online(line, address)


main(*sys.argv[1:])
