"""How often a sign-in may fail, so that passwords cannot be guessed by trying."""

from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils.crypto import salted_hmac

from edge.webapp.register.models import SignInFailure

WINDOW_SECONDS = 300.0
FOR_ONE = 5
"""Failures for one account from one address: a technician who forgot the password."""
FROM_ONE = 30
"""Failures from one address, whatever the account: somebody who tries one password on many."""
FOR_ANY = 30
"""Failures for one account, wherever from: many machines that try one account."""


def seconds_to_wait(name: str, address: str, now: datetime) -> float:
    """How long no sign-in for `name` from `address` is tried; 0 when it may be tried now."""
    SignInFailure.forget(WINDOW_SECONDS, now)
    account = _plain(name)
    both = Q(account=account, address=address)
    found = SignInFailure.objects.aggregate(
        of_both=Count("id", filter=both),
        of_both_since=Min("at", filter=both),
        of_address=Count("id", filter=Q(address=address)),
        of_address_since=Min("at", filter=Q(address=address)),
        of_account=Count("id", filter=Q(account=account)),
        of_account_since=Min("at", filter=Q(account=account)),
    )
    waits = [
        WINDOW_SECONDS - (now - found[f"of_{what}_since"]).total_seconds()
        for what, most in (("both", FOR_ONE), ("address", FROM_ONE), ("account", FOR_ANY))
        if found[f"of_{what}"] >= most
    ]
    return max(waits, default=0.0)


def note_failure(name: str, address: str, now: datetime) -> None:
    """Remembers a failure."""
    SignInFailure.objects.create(account=_plain(name), address=address, at=now)


def forget_failures(name: str, address: str) -> None:
    """After a sign-in: what failed before it no longer counts against this account here."""
    SignInFailure.objects.filter(account=_plain(name), address=address).delete()


def _plain(name: str) -> str:
    """The account under the secret key: people type passwords into the wrong field."""
    plain = name.strip().casefold()
    return salted_hmac("register.signing_in", plain, algorithm="sha256").hexdigest()
