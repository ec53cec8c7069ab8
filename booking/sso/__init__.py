"""Signing in with the university's accounts: what is said to a CAS server and to an OpenID provider, and what they answer.

Everything here blocks and is bounded: it runs on threads, never on the event loop, ends within the settings' time-out and
reads no answer beyond a cap. No HTTP of ours, no cookie and no rule of reservations is here (booking.web.pages_sso,
booking.service.sso).
"""
