"""How often something may be tried: every budget of the web layer. The tries themselves are counted in the database,
so that a restart or a second worker forgives none.
"""

import ipaddress
from datetime import timedelta

from starlette.requests import HTTPConnection

from booking.domain.refusals import Refusal
from booking.service.identity import Budget, SpendTries, Spent
from booking.web.context import Context
from booking.web.sessions import submit

_FEW_MINUTES = timedelta(minutes=5)
SIGN_IN_READER = Budget("sign-in-reader", 5, _FEW_MINUTES)
SIGN_IN_ADDRESS = Budget("sign-in-address", 60, _FEW_MINUTES)
"""A reading room shares one address behind its router."""
UNIVERSITY_ADDRESS = Budget("university-address", 300, _FEW_MINUTES)
"""Answers of the university's sign-in that an address brings: each makes us ask there. A campus may share one address."""
ENROL_ADDRESS = Budget("enrol-address", 10, _FEW_MINUTES)
ACTIVATION_MADE = Budget("activation-made", 10, timedelta(minutes=10))
ACTIVATION_ADDRESS = Budget("activation-address", 30, timedelta(minutes=10))
"""Wrong codes of one address."""
ACTIVATION_ALL = Budget("activation-all", 300, timedelta(minutes=10))
"""Wrong codes of everybody: six digits with 5 tries for each student number leave a guesser of a thousand numbers
under 0.03 % in ten minutes; without this, botnets would have no limit.
"""
_IPV6_SITE = 64


def address_of(connection: HTTPConnection) -> str:
    """Return the caller's address as budgets know it: of IPv6 the /64, because one house has all of that."""
    host = connection.client.host if connection.client else "?"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return host
    return str(ipaddress.ip_network((int(address) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE)))


async def spend(context: Context, *spent: Spent) -> Refusal | None:
    """Count one try against each budget; the refusal when one of them is spent."""
    outcome = await submit(context, SpendTries(at=context.clock.now(), spent=spent))
    return outcome if isinstance(outcome, Refusal) else None
