"""Rules held against one another: what makes a `[policy]` one under which nobody could read the outcome they expect.

Sentences only; the types of `config.policy` have already refused what has a wrong form. The rest of the site file is
looked at in `config.site_check`.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from config.policy import AwayPolicy, BookingPolicy, ExitMeans, GatePolicy, Policy, SuspendUntil, ViolationPolicy
from config.schema import Site

DAY = timedelta(days=1)
MAX_COLLECT = timedelta(hours=1)
MAX_COMMAND = timedelta(minutes=1)
"""Devices do not believe a command whose deadline is further ahead (runtime.orders)."""
LEAST_KEPT = 7 * DAY
"""Gates send again for so long what a restored server has lost."""


def policy_problems(policy: Policy) -> Iterator[str]:
    """Yield what is wrong with a policy, a sentence each that begins with the key."""
    yield from _bad_booking(policy.booking)
    yield from _bad_check_in(policy)
    yield from _bad_meals(policy.away)
    yield from _bad_violations(policy.violations)
    yield from _bad_counts(policy)
    yield from _bad_retention(policy)
    yield from _bad_gate(policy.gate)
    if policy.draw.collect > MAX_COLLECT:
        yield "policy.draw.collect: readers would wait longer than an hour for an answer"
    lengths = {
        "booking.grid": policy.booking.grid,
        "booking.min_length": policy.booking.min_length,
        "check_in.grant_lasts": policy.check_in.grant_lasts,
        "check_in.reader_code_lasts": policy.check_in.reader_code_lasts,
        "away.limit": policy.away.limit,
        "extend.step": policy.extend.step,
        "extend.opens_before_end": policy.extend.opens_before_end,
        "identity.activation_code_lasts": policy.identity.activation_code_lasts,
        "identity.binding_confirm_for": policy.identity.binding_confirm_for,
        "identity.pair_within": policy.identity.pair_within,
        "gate.list_valid_for": policy.gate.list_valid_for,
        "gate.command_within": policy.gate.command_within,
    }
    yield from (f"policy.{key}: it must be longer than 0" for key, value in lengths.items() if not value)


def _bad_gate(gate: GatePolicy) -> Iterator[str]:
    if gate.antipassback > DAY:
        yield "policy.gate.antipassback: longer than a day; a gate does not look further back"
    if gate.list_valid_for > LEAST_KEPT:
        yield "policy.gate.list_valid_for: longer than a week; whoever was blocked meanwhile would still come in"
    if gate.command_within > MAX_COMMAND:
        yield "policy.gate.command_within: longer than a minute; a door must not open for somebody who has gone"
    yield from (
        f"policy.gate.admits_always: {group!r} is one word without spaces"
        for group in gate.admits_always
        if not group or " " in group
    )


def sign_out_problems(site: Site) -> Iterator[str]:
    """Yield a sentence where signing out is asked for and there is nowhere to do it."""
    by_gate = bool(site.gates) and site.policy.gate.exit_means is ExitMeans.END
    if site.policy.sign_out.required and not site.kiosks and not by_gate:
        yield "policy.sign_out.required: no kiosk shows a code and no gate ends a stay, so nobody could sign out"


def _bad_booking(booking: BookingPolicy) -> Iterator[str]:
    if booking.advance_days < 0:
        yield "policy.booking.advance_days: it is below 0; 0 means today only"
    if booking.release_at is not None and booking.advance_days < 1:
        yield "policy.booking.release_at: with advance_days 0 it would hide today; leave it out"
    if booking.rebook_limit < 0:
        yield "policy.booking.rebook_limit: it is below 0; 0 means no cool-down"
    if booking.max_active < 1:
        yield "policy.booking.max_active: with less than 1 nobody can book"
    if booking.max_length < booking.min_length:
        yield "policy.booking.max_length: it is shorter than policy.booking.min_length"
    if booking.grid > timedelta() and DAY % booking.grid:
        yield "policy.booking.grid: a day is not a whole number of it; write one such as 15min, 30min or 1h"


def _bad_check_in(policy: Policy) -> Iterator[str]:
    rules = policy.check_in
    if not rules.opens_before and not rules.closes_after:
        yield "policy.check_in.closes_after: with opens_before 0 too there is no moment at which to check in"
    if rules.position_accuracy_m < 1:
        yield "policy.check_in.position_accuracy_m: with less than 1 m no phone is sure enough"
    if rules.code_tolerance_steps < 0:
        yield "policy.check_in.code_tolerance_steps: it is below 0"


def _bad_meals(away: AwayPolicy) -> Iterator[str]:
    for meal in away.meals:
        if meal.starts >= meal.ends:
            yield f"policy.away.meals: one ends ({meal.ends:%H:%M}) before it starts ({meal.starts:%H:%M})"
        if meal.limit < away.limit:
            yield "policy.away.meals: a limit is shorter than policy.away.limit, which would hold all the same"


def _bad_violations(rules: ViolationPolicy) -> Iterator[str]:
    hardness = list(SuspendUntil)
    for step in rules.steps:
        if step.after < 1:
            yield f"policy.violations.steps: after = {step.after} would bar readers who did nothing; the first is 1"
    for one, following in pairwise(rules.steps):
        if following.after <= one.after:
            yield f"policy.violations.steps: after = {following.after} stands behind after = {one.after}; write them ascending"
        elif hardness.index(following.suspend) < hardness.index(one.suspend):
            yield f"policy.violations.steps: after = {following.after} bars for less than after = {one.after}"
    if rules.steps and not (rules.no_show or rules.lapsed or rules.no_sign_out):
        yield "policy.violations.steps: nothing counts as a violation, so nothing can follow; leave them out"


def _bad_counts(policy: Policy) -> Iterator[str]:
    least = {
        "identity.activation_code_tries": (policy.identity.activation_code_tries, 1),
        "identity.pin_tries": (policy.identity.pin_tries, 1),
        "waiting.max_open": (policy.waiting.max_open, 0),
    }
    yield from (f"policy.{key}: it is below {least}" for key, (value, least) in least.items() if value < least)


def _bad_retention(policy: Policy) -> Iterator[str]:
    kept = policy.retention
    least = max(policy.violations.appeal_within, policy.gate.confirm_for, LEAST_KEPT)
    for key, value in (("presence", kept.presence), ("reservations", kept.reservations), ("audit", kept.audit)):
        if value and value < least:
            yield f"policy.retention.{key}: what can still be appealed or sent again must be kept, {least.days} days or more"
    if kept.reservations and (not kept.presence or kept.presence > kept.reservations):
        yield "policy.retention.presence: it must not outlast policy.retention.reservations, which it explains"
