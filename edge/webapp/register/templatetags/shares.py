"""How shares and digests are written on pages."""

from django import template

from protos.digests import short

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """A share from 0 to 1 in per cent."""
    return f"{100 * share:.0f} %"


@register.filter
def sure(confidence: float) -> str:
    """A confidence from 0 to 1 in per cent, never rounded to a certainty that nobody has."""
    hundred = 100 * confidence
    if hundred >= 99.95:
        return "over 99.9 %"
    if hundred < 0.05:
        return "under 0.1 %"
    return f"{hundred:.1f} %" if hundred > 99 or hundred < 1 else f"{hundred:.0f} %"


@register.filter
def digest(text: str) -> str:
    """The beginning of a digest, for people."""
    return short(text)
