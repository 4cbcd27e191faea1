"""The first account: from the environment, or with a password made on the device."""

import logging
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from edge.webapp.config import Account
from edge.webapp.secrets_kept import FIRST_PASSWORD_FILE, keep
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)

NAME = "admin"


def make_first_account(account: Account | None, data: Path) -> bool:
    """Makes an account for staff where there is none at all; whether it made one.

    Without `account` a password is made and kept in a file in `data` (mode 600) for whoever may
    read files of this device; it is in no log. Raises ConfigurationError for a password that is
    too easy to guess.
    """
    users = get_user_model()
    if users.objects.exists():
        return False
    if account is None:
        path = data / FIRST_PASSWORD_FILE
        path.unlink(missing_ok=True)  # of an account in a database that is gone
        account = Account(NAME, secrets.token_urlsafe(18))
        keep(path, account.password)
        log.info("the first account is %r; its password is in %s", account.name, path)
    else:
        _check(account)
        log.info("the first account is %r", account.name)
    with transaction.atomic():
        if users.objects.exists():  # another process was quicker
            return False
        users.objects.create_superuser(account.name, password=account.password)
    return True


def forget_first_password() -> None:
    """Deletes the file with the made-up password."""
    (settings.CONFIG.data / FIRST_PASSWORD_FILE).unlink(missing_ok=True)


def _check(account: Account) -> None:
    user = get_user_model()(username=account.name)
    try:
        user.full_clean(exclude=["password"])
        validate_password(account.password, user)
    except ValidationError as error:
        raise ConfigurationError(
            "the first account cannot be made",
            why=" ".join(error.messages),
            remedy="set another WEBAPP_ADMIN_USER or WEBAPP_ADMIN_PASSWORD",
        ) from None
