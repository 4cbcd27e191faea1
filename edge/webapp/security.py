"""What every request and every answer must be: two pieces of middleware."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

Answer = Callable[[HttpRequest], HttpResponse]

# The register has no script at all; Django's administration has some, in files of its own.
_PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_ADMINISTRATION = f"{_PAGES}; script-src 'self'; connect-src 'self'; font-src 'self'"
_HEADERS = {
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_known_host(host: str, known: tuple[str, ...]) -> bool:
    """Whether the header Host (perhaps with a port) names this register.

    IP addresses and localhost always do: a page elsewhere that lets its own name point at this
    device (DNS rebinding) can have neither.
    """
    name = host.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    name = name.rstrip(".")
    if name == "localhost" or name in known:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class KnownHosts:
    """Refuses requests under a name that the register was not given."""

    def __init__(self, get_response: Answer) -> None:
        self._answer = get_response
        self._known: tuple[str, ...] = settings.CONFIG.hosts

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of the rest, or 400."""
        host = request.META.get("HTTP_HOST")  # none from programs that speak HTTP/1.0
        if host is not None and not is_known_host(host, self._known):
            return HttpResponseBadRequest(
                "This name is not known here. To mend it: add it to WEBAPP_HOSTS.",
                content_type="text/plain",
            )
        return self._answer(request)


class Headers:
    """Content Security Policy without anything inline, and no copy of pages with data."""

    def __init__(self, get_response: Answer) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> Any:
        """The answer of the rest, with the headers."""
        response = self._answer(request)
        inside = request.path.startswith("/admin/")
        response.headers["Content-Security-Policy"] = _ADMINISTRATION if inside else _PAGES
        for name, value in _HEADERS.items():
            response.headers[name] = value
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store"
        return response
