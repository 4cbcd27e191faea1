"""The pages of components: list, new, one, edit, correct, judge again."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from edge.webapp.register import correcting, judging
from edge.webapp.register.forms import ComponentForm, CorrectionForm, SearchForm
from edge.webapp.register.models import COMPLIANT, NON_COMPLIANT, Component
from edge.webapp.register.search import PAGE
from edge.webapp.register.words import explain

UNPROCESSABLE = 422
CONFLICT = 409

_edits = require_http_methods(["GET", "POST"])


@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """The list, searched and paged."""
    form = SearchForm(request.GET)
    search = form.search()
    pages = Paginator(search.find(request.user), PAGE)
    query = request.GET.copy()
    query.pop("page", None)
    waiting = Component.objects.filter(judgement=None, refused=False)
    return render(
        request,
        "register/components.html",
        {
            "form": form,
            "page": pages.get_page(request.GET.get("page")),
            "query": query.urlencode(),
            "searched": bool(search.text or search.label or search.corrected or search.mine),
            "waiting": waiting.count(),
            "why": waiting.exclude(not_judged="").order_by("-tried_at").first(),
        },
    )


@_edits
def new(request: HttpRequest) -> HttpResponse:
    """Enters a component; the model judges it at once if it can be asked."""
    form = ComponentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        component = Component.objects.create(
            number=form.cleaned_data["number"],
            description=form.cleaned_data["description"],
            created_by=request.user,
            changed_by=request.user,
        )
        judging.judge(component)
        messages.success(request, "The component is saved.")
        return redirect(component)
    return _form(request, form, "New component", "Save")


@require_GET
def component(request: HttpRequest, key: int) -> HttpResponse:
    """One component: its label, how sure the model is, what drove it, and its history."""
    found = _find(key)
    if judging.is_due(found):
        judging.judge(found)
    return render(request, "register/component.html", _shown(found))


@_edits
def edit(request: HttpRequest, key: int) -> HttpResponse:
    """Edits a component; another description is judged anew."""
    found = _find(key)
    before = {
        "number": found.number,
        "description": found.description,
        "revision": found.revision,
    }
    form = ComponentForm(request.POST or None, initial=before)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            another = correcting.edit(
                found,
                form.cleaned_data["number"],
                form.cleaned_data["description"],
                request.user,
                revision=form.cleaned_data["revision"] or 0,
            )
        except correcting.ChangedMeanwhile:
            found.refresh_from_db()
            form.add_error(None, _overtaken(found))
            form.data = form.data.copy()
            form.data["revision"] = found.revision  # saving once more overwrites, knowingly
            status = CONFLICT
        else:
            if another:
                judging.judge(found)
            messages.success(request, "The changes are saved.")
            return redirect(found)
    return _form(request, form, "Edit component", "Save changes", found, status)


@_edits
def correct(request: HttpRequest, key: int) -> HttpResponse:
    """Corrects the label, with a reason."""
    found = _find(key)
    if found.label is None:
        messages.warning(request, "There is no label yet that could be corrected.")
        return redirect(found)
    other = COMPLIANT if found.label == NON_COMPLIANT else NON_COMPLIANT
    shown = {"label": other, "revision": found.revision, "shown": found.label}
    form = CorrectionForm(request.POST or None, initial=shown)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            correcting.correct(
                found,
                cleaned["label"],
                cleaned["reason"],
                request.user,
                revision=cleaned["revision"],
                shown=cleaned["shown"],
            )
        except correcting.ChangedMeanwhile:
            messages.error(
                request,
                "Not corrected: the description or its label changed while you were looking. "
                "Look at it again.",
            )
        else:
            messages.success(request, "The label is corrected. The next training learns from it.")
        return redirect(found)
    return render(
        request,
        "register/correct.html",
        {"form": form, "component": found},
        status=UNPROCESSABLE if form.errors else 200,
    )


@require_POST
def judge(request: HttpRequest, key: int) -> HttpResponseRedirect:
    """Asks the model again: it may be another one by now."""
    found = _find(key)
    if judging.judge(found, patient=True) is not None:
        messages.success(request, "The model judged the description again.")
    elif found.judgement is not None:
        messages.error(request, f"The label stays as it was. {found.not_judged}")
    return redirect(found)


def _find(key: int) -> Component:
    wanted = Component.objects.select_related(
        "judgement", "correction", "correction__made_by", "created_by", "changed_by"
    )
    return get_object_or_404(wanted, pk=key)


def _shown(found: Component) -> dict[str, Any]:
    judgement = found.judgement
    pieces, drivers = explain(found.description, judgement.words if judgement is not None else [])
    said = list(found.judgements.all()[:50])
    corrected = list(found.corrections.select_related("made_by")[:50])
    return {
        "component": found,
        "pieces": pieces,
        "drivers": drivers,
        "history": sorted([*said, *corrected], key=lambda entry: entry.at, reverse=True),
    }


def _form(
    request: HttpRequest,
    form: ComponentForm,
    title: str,
    save: str,
    component: Component | None = None,
    status: int = 200,
) -> HttpResponse:
    if form.errors and status == 200:
        status = UNPROCESSABLE
    context = {"form": form, "title": title, "save": save, "component": component}
    return render(request, "register/form.html", context, status=status)


def _overtaken(found: Component) -> str:
    return (
        f"{found.changed_by} saved this component while you were editing. It reads now: "
        f"“{found.description}”. Save once more to put your text in its place."
    )
