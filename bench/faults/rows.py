"""The rows: how large each is in each form, and how what it found is said."""

import statistics
from collections.abc import Callable
from pathlib import Path

from bench.faults import (
    clock,
    cut_off,
    disk,
    flood,
    gate_kill,
    hung,
    kill,
    lost_reply,
    postgres,
    power_cut,
    restored,
    university,
)
from bench.faults.site import write_site
from bench.faults.table import Found
from bench.machine import free_port

Say = Callable[[str], None]
SHORT, USUAL, FULL = 0, 1, 2
SEED = 20230717


def run_kill(folder: Path, form: int, say: Say) -> Found:
    """Row 1."""
    cycles = (3, 5, 200)[form]
    seen = kill.run(folder, write_site(folder), free_port(), cycles=cycles, seed=SEED, say=say)
    late = sum(seconds > 2 for seconds in seen.ready)
    return Found(
        "1 kill",
        f"kill -9 of `seatgate booking` in a rush of 400 readers, {seen.cycles} times",
        "0 answered bookings lost, 0 double, ready in 2 s",
        f"{len(seen.ledger.told):,} answered, {seen.verdict.lost} lost, {seen.verdict.doubles} double, {seen.verdict.torn} "
        f"torn; {seen.unanswered:,} requests without an answer asked again, {seen.done_unheard:,} of them were stored; "
        f"ready after {statistics.median(seen.ready):.2f} s (median), {max(seen.ready):.2f} s (worst), {late} later than 2 s",
        seen.verdict.good and seen.cycles == cycles and set(seen.statuses) <= {201, 409},
    )


def run_power_cut(folder: Path, form: int, say: Say) -> Found:
    """Row 2, with its two controls."""
    count = (250, 400, 2500)[form]
    site, seen = write_site(folder), {}
    for synchronous in ("full", "normal", "off"):
        seen[synchronous] = power_cut.campaign(
            folder, site, rounds=56, batch=6, count=count, seed=SEED, synchronous=synchronous
        )
        say(f"synchronous={synchronous}: {seen[synchronous]}")
    full, normal, off = seen["full"], seen["normal"], seen["off"]
    return Found(
        "2 power cut",
        f"{full.images:,} disks rebuilt after a cut at any write, with any torn part of what was not synced",
        "0 lost, 0 corrupt; the controls fail",
        f"{full.lost} disks lost a booking, {full.corrupt} corrupt, {full.wrong} wrong; *control* NORMAL: {normal.lost:,} of "
        f"{normal.images:,} lost bookings, {normal.corrupt} corrupt; *control* OFF: {off.lost:,} lost, {off.corrupt:,} corrupt",
        (full.lost, full.corrupt, full.wrong) == (0, 0, 0) and normal.lost > 0 and off.corrupt > 0,
    )


def run_lost_reply(folder: Path, form: int, say: Say) -> Found:
    """Row 3."""
    bookings = (80, 600, 10_000)[form]
    seen = lost_reply.run(folder, write_site(folder), free_port(), bookings=bookings, seed=SEED, say=say)
    return Found(
        "3 lost reply",
        f"{seen.bookings:,} bookings whose reply is cut by a proxy after the commit, up to three times each "
        f"({seen.lost_replies:,} cuts: {seen.losses['nothing came']:,} of the whole reply, {seen.losses['a part came']:,} inside it)",
        "one booking for each key, the same reply",
        f"{seen.stored:,} bookings stored, {seen.different} replies differ by a byte, {seen.unmarked} do not say that they "
        f"are repeated, {seen.verdict.lost} lost, {seen.verdict.doubles} double",
        seen.good,
    )


def run_database(folder: Path, form: int, say: Say) -> Found:
    """Row 4."""
    rounds, ports = (1, 1, 10)[form], [free_port(), free_port()]
    seen = postgres.server_faults(folder / "run", write_site(folder), ports, rounds=rounds, seed=SEED, say=say)
    return Found(
        "4 PostgreSQL",
        f"{', '.join(f'{kind} ({count} times)' for kind, count in seen.rounds.items())}, each while {postgres.READERS} readers "
        "book, by process id",
        "0 double; no 5xx beyond the outage + 5 s",
        f"{len(seen.ledger.told):,} answered, {seen.verdict.lost} lost, {seen.verdict.doubles} double, {seen.verdict.torn} torn; "
        f"{seen.statuses[503]:,} refused with 503 and asked again, {seen.late} of them too late, {seen.unanswered} unanswered, "
        f"{seen.given_up} given up; {seen.deadlocks} times the server chose the other as the deadlock's victim",
        seen.good,
    )


def run_workers(folder: Path, form: int, say: Say) -> Found:
    """Row 5."""
    rounds, ports = (1, 2, 40)[form], [free_port(), free_port(), free_port()]
    seen = postgres.worker_deaths(folder / "run", write_site(folder), ports, rounds=rounds, seed=SEED, say=say)
    return Found(
        "5 workers",
        f"kill -9 of one of two booking processes on one PostgreSQL while {postgres.READERS} readers book, {rounds} times",
        "others unaffected; errors retryable",
        f"{len(seen.ledger.told):,} answered, {seen.verdict.lost} lost, {seen.verdict.doubles} double, {seen.verdict.torn} torn; "
        f"{seen.unanswered} requests of the dead asked again at the other, {seen.late} answers of 5xx from the other, "
        f"{seen.longest:.2f} s its longest silence",
        seen.good,
    )


def run_flood(folder: Path, form: int, say: Say) -> Found:
    """Row 6."""
    events, readers = ((500, 50), (1_500, 150), (50_000, 1_500))[form]
    site = write_site(folder, {"south-1": ("in", ""), "south-2": ("out", "")})
    seen = flood.run(folder / "run", site, free_port(), events=events, readers=readers, seed=SEED, say=say)
    return Found(
        "6 flood",
        f"mosquitto killed and started three times; {seen.events:,} passages of ten minutes by {readers:,} readers in any "
        f"order, {seen.sent:,} messages, {seen.out_of_order:,} stored after a later one",
        "each applied once; the state of an ordered replay",
        f"{seen.stored:,} stored, {seen.replays:,} repetitions recognised, {seen.dropped:,} dropped for want of room and sent "
        f"again; {len(seen.differences)} differences from the ordered replay; {seen.lifted:,} no-shows of the outage lifted, "
        f"{seen.false_violations} violations that should not stand; {seen.seconds:.0f} s; *control* another order: "
        f"{seen.control:,} differences",
        seen.good,
    )


def run_cut_off(folder: Path, form: int, say: Say) -> Found:
    """Row 7, with its control."""
    days, readers = ((1, 40), (2, 80), (30, 200))[form]
    seen = cut_off.run(folder / "run", free_port(), days=days, readers=readers, seed=SEED, say=say)
    control = cut_off.run(folder / "control", free_port(), days=1, readers=40, seed=SEED, lose=True, say=say)
    blameless = sum(count for fate, count in seen.fates.items() if fate.is_blameless)
    return Found(
        "7 gate cut off",
        f"the gate cut off for 24 hours {seen.days} times, a sweep every twenty minutes, while {readers} readers each come in time, go "
        f"out and come back, come too late, or never come",
        "offline passages reconcile; no false no-show for readers the gate saw",
        f"{seen.kept:,} passages kept and told afterwards; of {blameless:,} readers seen in time {seen.provisional:,} were held "
        f"for no-shows meanwhile, provisionally, {seen.false_no_shows} in the end; {seen.too_early} blamed for good before the gate "
        f"had told; {seen.spared} of the others spared; *control* whose gate forgets: {control.false_no_shows} false no-shows",
        seen.good and control.false_no_shows > 0,
    )


def run_clock(folder: Path, form: int, say: Say) -> Found:
    """Row 8, with its control."""
    steps, site = (10, 30, 500)[form], write_site(folder)
    seen = clock.run(folder / "run", site, free_port(), steps=steps, seed=SEED)
    say(str(seen))
    control = clock.run(folder / "control", site, free_port(), steps=10, seed=SEED, plain=True)
    return Found(
        "8 clock",
        f"the wall clock of the running service set {seen.steps} times by ten minutes to a day, both ways (libfaketime)",
        "no early release, no violation",
        f"{seen.released} reservations released, {seen.blamed} violations, {seen.given_away} seats given away; *control* that "
        f"follows each of {control.steps} steps: {control.released} released, {control.blamed} violations",
        (seen.released, seen.blamed, seen.given_away) == (0, 0, 0) and control.released > 0,
    )


def run_disk(folder: Path, form: int, say: Say) -> Found:
    """Row 9."""
    failures = (10, 40, 1_000)[form]
    seen = disk.run(folder / "run", write_site(folder), free_port(), failures=failures, seed=SEED)
    say(str(seen.statuses))
    return Found(
        "9 disk",
        f"the disk of the running service full, or failing writes or syncs, {sum(seen.failures.values()):,} times for a "
        f"moment while {disk.READERS} readers book",
        "503, no ack, heals by itself",
        f"{len(seen.ledger.told):,} answered, {seen.verdict.lost} lost, {seen.verdict.doubles} double, {seen.verdict.torn} torn; "
        f"{seen.statuses[503]:,} refused with 503 and asked again, {seen.given_up} never told",
        seen.good,
    )


def run_hung(folder: Path, form: int, say: Say) -> Found:
    """Row 11."""
    rounds = (1, 1, 10)[form]
    seen = hung.run(folder / "run", write_site(folder), free_port(), rounds=rounds)
    say(str(seen))
    return Found(
        "11 hung",
        f"SIGSTOP of the service {rounds} times under a supervisor that keeps systemd's side of WatchdogSec=15s",
        "restarted in 15 s",
        f"silence noticed after {max(seen.noticed):.1f} s at most; ready again after {max(seen.ready):.1f} s at most",
        max(seen.noticed) <= hung.WATCHDOG + hung.LATE,
    )


def run_university(folder: Path, form: int, say: Say) -> Found:
    """Row 12."""
    rounds = (1, 2, 10)[form]
    seen = university.run(folder, write_site(folder), (free_port(), free_port()), rounds=rounds, say=say)
    return Found(
        "12 sign-in away",
        f"the university's CAS server behind a proxy that {', '.join(f'{name} ({count} times)' for name, count in seen.rounds.items())}, "
        f"{university.TRY} people on their way back from it each time",
        "sessions live; check-in works; login says why",
        f"{seen.served:,} readers booked and checked in meanwhile, {seen.failed} answers to them failed, the longest took "
        f"{seen.longest_served:.2f} s; {seen.told.total():,} who tried to sign in were told why after {seen.longest_told:.2f} s at most "
        f"(it waits {university.TIMEOUT.total_seconds():.0f} s), {seen.unexplained} were not; {seen.dropped} sessions lost; signing "
        f"in worked again after {seen.back} of {seen.rounds.total()}",
        seen.good,
    )


def run_restored(folder: Path, form: int, say: Say) -> Found:
    """Row 13, with its control."""
    drills, readers = ((1, 30), (2, 60), (30, 90))[form]
    seen = restored.run(folder / "run", free_port(), drills=drills, readers=readers, seed=SEED, say=say)
    control = restored.run(folder / "control", free_port(), drills=1, readers=30, seed=SEED, ask=False, say=say)
    return Found(
        "13 restored",
        f"the database lost and an earlier backup put back {seen.drills} times, {readers} readers with a reservation each",
        "integrity ok; RPO stated; the gates tell again",
        f"{seen.damaged} damaged; {seen.kept:,} bookings of before the backup there again, {seen.since:,} of after it gone, as stated; "
        f"{seen.came_back:,} passages of after it came back from the gate's disk, {seen.missing} did not; {seen.too_early} blamed "
        f"before that, {seen.false_blame} after it; *control* that does not ask: {control.missing} passages missing",
        seen.good and seen.wrong == 0 and control.missing > 0,
    )


def run_gate_kill(folder: Path, form: int, say: Say) -> Found:
    """Row 15."""
    kills, swipes = ((8, 400), (30, 3_000), (120, 24_000))[form]
    site = write_site(folder, {name: (way, "") for name, way in gate_kill.PORTALS.items()})
    ports = (free_port(), free_port())
    seen = gate_kill.run(folder / "run", site, ports, kills=kills, swipes=swipes, seed=SEED, say=say)
    return Found(
        "15 gate kills",
        f"{seen.kills.total()} disturbances at random moments ({', '.join(f'{kind} {count}' for kind, count in seen.kills.items())}) "
        f"while {seen.swipes:,} cards are swiped at four turnstiles of one gate: real gate, mosquitto and booking",
        "0 lost, 0 doubled effects, every sequence accounted for",
        f"{seen.captured:,} captured, {seen.missing} of them missing at booking, {seen.foreign} there that the gate has not, "
        f"{seen.gaps} gaps, {seen.twice} twice, {seen.effects:,} effects on reservations; {seen.in_the_wire} swipes were not on the "
        f"disk yet when a gate was killed, {seen.holes} of them before one that was; {seen.seconds:.0f} s",
        seen.good,
    )


ROWS: dict[str, Callable[[Path, int, Say], Found]] = {
    "kill": run_kill,
    "power_cut": run_power_cut,
    "lost_reply": run_lost_reply,
    "database": run_database,
    "workers": run_workers,
    "flood": run_flood,
    "cut_off": run_cut_off,
    "clock": run_clock,
    "disk": run_disk,
    "hung": run_hung,
    "university": run_university,
    "restored": run_restored,
    "gate_kill": run_gate_kill,
}
