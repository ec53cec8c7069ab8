"""The gate process and a broker that should not be trusted: lax rights, another's certificate. It says so and loses nothing."""

import shutil

import pytest

from gate import diagnose
from gate.settings import load_settings
from onsite.broker import TlsListener
from onsite.certificates import Authority, now
from runtime.checks import Level

CARD = b"\x02010063E9AE25\x03"


@pytest.fixture
def enrolled(booking):
    booking.open()
    return booking


def told(gate_process):
    """What diagnose says, without what a turnstile that nobody used says."""
    checks = diagnose.checks(load_settings(gate_process.config))
    return {check.name: check for check in checks if check.level is not Level.OK}


def test_a_lax_broker_is_told_in_log_diagnose_and_presence_and_the_gate_works(
    enrolled, private_broker, gate_process, wait_for
):
    file = private_broker.files.folder / "acl"
    file.write_text(
        file.read_text().replace("user gate-south\n", "user gate-south\ntopic write seatgate/v1/+/gates/#\n")
    )
    private_broker.kill()
    private_broker.start()
    wait_for(lambda: enrolled.link.connected, "booking is back")
    gate_process.start()
    wait_for(lambda: any(birth.warnings for birth in enrolled.births), "presence says it")
    assert enrolled.births[-1].warnings == ["rights"]
    assert "the broker lets this account write what is another's" in gate_process.log
    gate_process.turnstiles["south-1"].send(CARD)
    wait_for(lambda: len(enrolled.seen()) == 1, "the gate works")
    check = wait_for(lambda: told(gate_process).get("rights"), "diagnose says it")
    assert check.level is Level.WARN
    assert "gates/not-south/access" in check.seen
    assert check.todo == "correct its rights (ACL), `seatgate broker` writes them"


def test_a_good_broker_is_no_warning(enrolled, gate_process, wait_for):
    gate_process.start()
    wait_for(lambda: "the broker's rights hold: 5 topics of others are denied" in gate_process.log, "tested")
    assert not enrolled.births[-1].warnings


def test_a_gate_that_may_not_write_its_own_events_says_so_and_keeps_them(
    enrolled, private_broker, gate_process, wait_for
):
    file = private_broker.files.folder / "acl"
    right = "topic write seatgate/v1/+/gates/south/access\n"
    assert right in file.read_text()
    file.write_text(file.read_text().replace(right, ""))
    private_broker.kill()
    private_broker.start()
    gate_process.start()
    wait_for(lambda: enrolled.births, "connected")
    gate_process.turnstiles["south-1"].send(CARD)
    wait_for(lambda: "the broker forbids what this account must write" in gate_process.log, "it is told")
    assert gate_process.rows() == ["pending"]
    file.write_text(file.read_text().replace("user gate-south\n", f"user gate-south\n{right}"))
    private_broker.kill()
    private_broker.start()
    wait_for(lambda: len(enrolled.seen()) == 1, "with the right back the event comes")


def test_another_authority_gets_nothing_and_diagnose_says_why(
    enrolled, tmp_path, free_port, gate_process, wait_for, running_broker
):
    (tmp_path / "secure").mkdir()
    with running_broker(tmp_path / "secure", tls=TlsListener("127.0.0.1", free_port(), ("127.0.0.1",))) as broker:
        Authority(tmp_path / "other").prepare(["127.0.0.1"], [], now())
        table = broker.files.client("gate-south") | {"tls_ca": str(tmp_path / "other" / "ca.pem")}
        text = gate_process.config.read_text()
        before, _, after = text.partition("[broker]\n")
        ports = after[after.index("[ports]") :]
        lines = "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in table.items())
        gate_process.config.write_text(f"{before}[broker]\n{lines}{ports}")
        gate_process.start()
        gate_process.turnstiles["south-1"].send(CARD)
        wait_for(lambda: "was not signed by" in gate_process.log, "it is told")
        check = wait_for(lambda: told(gate_process).get("broker"), "diagnose says it")
        assert check.level is Level.WARN
        assert "was not signed by" in check.seen
        wait_for(lambda: gate_process.rows() == ["pending"], "the event is kept")
        shutil.copy(broker.files.authority.ca, tmp_path / "other" / "ca.pem")
        wait_for(
            lambda: "broker connected" in gate_process.log, "with the right authority it connects, without a restart"
        )
