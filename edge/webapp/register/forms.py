"""The forms, and how their fields look: label, help, error and input, tied together for readers."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.forms.renderers import DjangoTemplates

from edge.webapp.register.models import LABELS, LONGEST_NUMBER
from edge.webapp.register.search import LABEL_WORDS, Search

LONGEST_REASON = 500
LONGEST_SEARCH = 200


class Renderer(DjangoTemplates):
    """Django's own, with this application's template for a field."""

    field_template_name = "register/field.html"


def one_line(text: str) -> str:
    """`text` without line breaks, runs of white space and characters that nobody can see."""
    seen = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(seen.split())


class ComponentForm(forms.Form):
    """A new component, or an edit of one."""

    number = forms.CharField(
        label="Part number",
        required=False,
        max_length=LONGEST_NUMBER,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Optional. What is printed on the component, or in your list of parts.",
    )
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "true"}),
        help_text="Year of manufacture, condition and material, in your own words.",
        error_messages={"required": "Enter a description."},
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = settings.CONFIG.contract.max_length
        self.fields["description"].help_text += f" At most {longest} characters."

    def clean_number(self) -> str:
        """The part number on one line."""
        return one_line(self.cleaned_data["number"])

    def clean_description(self) -> str:
        """The description on one line, as the model learns from it, and not too long for it."""
        text = one_line(self.cleaned_data["description"])
        longest = settings.CONFIG.contract.max_length
        if not text:
            raise forms.ValidationError("Enter a description.")
        if len(text) > longest:
            raise forms.ValidationError(
                f"Shorten the description: it has {len(text)} characters, {longest} are the most."
            )
        return text


class CorrectionForm(forms.Form):
    """The right label and why. `revision` and `shown` are what the technician saw."""

    label = forms.TypedChoiceField(
        label="Right label",
        coerce=int,
        choices=LABELS,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the right label."},
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "true"}),
        help_text="What the model overlooked or took wrongly. It is sent along with the "
        f"correction; your name is not. At most {LONGEST_REASON} characters.",
        error_messages={"required": "Say why the label is wrong."},
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
    shown = forms.IntegerField(widget=forms.HiddenInput)

    def clean_reason(self) -> str:
        """The reason on one line."""
        reason = one_line(self.cleaned_data["reason"])
        if not reason:
            raise forms.ValidationError("Say why the label is wrong.")
        return reason

    def clean(self) -> dict[str, Any]:
        """A correction says something else than what is shown."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "label" in cleaned and cleaned["label"] == cleaned.get("shown"):
            self.add_error("label", "This is the label already. Choose the other one.")
        return cleaned


class SearchForm(forms.Form):
    """What is searched for. What cannot be read counts as not given."""

    text = forms.CharField(
        label="Words",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "maxlength": LONGEST_SEARCH}),
    )
    label = forms.ChoiceField(choices=LABEL_WORDS, required=False)
    corrected = forms.BooleanField(label="Corrected only", required=False)
    mine = forms.BooleanField(label="Entered by me", required=False)

    def search(self) -> Search:
        """The search that the form asks for."""
        self.is_valid()
        known = self.cleaned_data
        return Search(
            text=one_line(known.get("text", ""))[:LONGEST_SEARCH],
            label=known.get("label", ""),
            corrected=known.get("corrected", False),
            mine=known.get("mine", False),
        )


class SignInForm(AuthenticationForm):
    """Django's, in this application's words."""

    error_messages = {  # noqa: RUF012 - Django's own name for it
        "invalid_login": "This account and this password do not belong together.",
        "inactive": "This account is closed.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Account"
        self.fields["username"].error_messages["required"] = "Enter the name of your account."
        self.fields["password"].error_messages["required"] = "Enter your password."
