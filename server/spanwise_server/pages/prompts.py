"""Prompts: the list, one with its versions and how each does, and the forms that publish and move labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from spanwise.template import FORMATS, Format

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..labelling.answer import answer_text, question_text
from ..playground.own_examples import answered_examples, finding_of, newest_call
from ..playground.providers import PROVIDERS, provider_of
from ..prompts.checks import checks
from ..prompts.content import BadPrompt, Content
from ..prompts.diff import as_text, changes, lines_changed
from ..prompts.failures import failed_calls, failed_rows
from ..prompts.figures import answers_to_the_same, figures
from ..prompts.version import LATEST, Prompt, Version
from ..query.measures import Steps
from ..query.values import quoted
from ..record import Reading
from ..store.prompts import Prompts
from .datasets import row_of
from .format import DAY_NS, Clock
from .label import annotator_of
from .listing import PRESETS, Preset
from .prompt_text import marked, message_blocks
from .render import clock_of, render
from .urls import url

router = APIRouter(include_in_schema=False)

TABS: Final = {
    "changes": "Changes",
    "template": "Template",
    "answers": "Answers",
    "failures": "Failures",
    "checks": "Checks",
    "history": "History",
    "code": "Use in code",
}
RANGES: Final = ("24h", "7d", "30d", "all")
DEFAULT_RANGE: Final = "30d"
#: So many of the newest versions are measured.
_MEASURED: Final = 12


class AskedVersion(BaseModel):
    """A version as the form says it."""

    model_config = ConfigDict(extra="ignore")
    name: str = Field("", max_length=300)
    kind: str = "text"
    text: str = Field("", max_length=1_100_000)
    role: list[str] = Field(default_factory=list)
    content: list[str] = Field(default_factory=list)
    format: str = "plain"
    model: str = Field("", max_length=200)
    params: str = Field("", max_length=20_000)
    tools: str = Field("", max_length=200_000)
    output_schema: str = Field("", max_length=200_000)
    note: str = Field("", max_length=2_000)
    label: str = Field("", max_length=40)

    def as_content(self) -> Content:
        """Return the content; JSON that cannot be read is refused with where it breaks."""
        template: Any = self.text.replace("\r\n", "\n")
        if self.kind == "chat":
            said = zip(self.role, self.content, strict=False)
            template = [{"role": r, "content": c.replace("\r\n", "\n")} for r, c in said if c.strip() or r == "user"]
        if self.format not in FORMATS:
            raise BadPrompt(f"There is no format {self.format!r}.", f"Use one of {', '.join(FORMATS)}.")
        form: Format = self.format
        return Content(
            template=template,
            format=form,
            model=self.model.strip() or None,
            params=_json(self.params, "parameters", dict) or {},
            tools=_json(self.tools, "tools", list) or (),
            output_schema=_json(self.output_schema, "output schema", dict),
        )


@dataclass(frozen=True, slots=True)
class View:
    """What a prompt's page shows; every link of it is this with something changed."""

    prompt: Prompt
    number: int
    tab: str
    against: int | None
    range: str
    by_lines: bool

    def link(self, **changed: Any) -> str:
        """Return the URL of this page with something changed."""
        said = {"v": self.number, "tab": self.tab, "against": self.against, "range": self.range, "lines": self.by_lines}
        said |= changed
        params = {
            "v": said["v"],
            "tab": None if said["tab"] == "changes" else said["tab"],
            "against": said["against"],
            "range": None if said["range"] == DEFAULT_RANGE else said["range"],
            "lines": "1" if said["lines"] else None,
        }
        return url(prompt_path(self.prompt.name), self.prompt.project, params)

    @property
    def preset(self) -> Preset:
        """The range."""
        return PRESETS[self.range]


def prompt_path(name: str) -> str:
    """Return the path of a prompt's page."""
    return f"/prompts/{name}".replace("%", "%25").replace("?", "%3F").replace("#", "%23").replace(" ", "%20")


@router.get("/prompts")
def prompts_page(request: Request, server: CurrentServer, actor: CurrentActor, project: CurrentProject) -> Response:
    """Show the prompts of a project by folder."""
    prompts = Prompts(server.store)
    found = prompts.all(project)
    folders: dict[str, list[Prompt]] = {}
    for prompt in found:
        folders.setdefault(prompt.folder, []).append(prompt)
    return render(
        request,
        "pages/prompts.html",
        folders=sorted(folders.items()),
        protected=prompts.protected(project),
        may_protect=actor.may_promote,
        path=prompt_path,
        endpoint=str(request.base_url).rstrip("/"),
    )


@router.get("/prompt-edit")
def edit_page(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    name: str = "",
    version: Annotated[int | None, Query(alias="from", ge=1)] = None,
) -> Response:
    """Show the form for a new prompt, or for a new version that begins as another one."""
    base = Prompts(server.store).version(project, name, str(version or LATEST)) if name else None
    content = base.source if base is not None else Content("")
    return render(request, "pages/prompt_edit.html", **_form(name, content, "", "", base), error=None)


@router.post("/prompt-edit", dependencies=[Csrf])
def publish(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    asked: Annotated[AskedVersion, Form()],
) -> Response:
    """Publish a version; what cannot be used comes back in the form with the reason."""
    prompts = Prompts(server.store)
    try:
        content = asked.as_content()
        labels = [asked.label.strip()] if asked.label.strip() else []
        version, _ = prompts.publish(
            project, asked.name.strip().strip("/"), content, note=asked.note, by=annotator_of(actor).id, labels=labels,
            may_promote=actor.may_promote,
        )  # fmt: skip
    except BadPrompt as refusal:
        said = Content(_typed(asked), params={}, model=asked.model or None)
        form = _form(asked.name, said, asked.note, asked.label, None) | {
            "format": asked.format, "params": asked.params, "tools": asked.tools, "schema": asked.output_schema,
        }  # fmt: skip
        return render(request, "pages/prompt_edit.html", status=422, **form, error=refusal)
    server.prompt_answers.forget()
    return _open(prompts.find(project, asked.name.strip().strip("/")), version.number)


@router.post("/prompt-label", dependencies=[Csrf])
def move_label(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    *,
    name: Annotated[str, Form()],
    label: Annotated[str, Form(min_length=1, max_length=40)],
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """Point a label at a version, or take it off where none is given."""
    prompt = Prompts(server.store).move(
        project, name, label.strip(), version, by=annotator_of(actor).id, may_promote=actor.may_promote
    )
    server.prompt_answers.forget()
    return _open(prompt, version)


@router.post("/prompt-protect", dependencies=[Csrf])
def protect(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    *,
    label: Annotated[str, Form(min_length=1, max_length=40)],
    on: Annotated[bool, Form()] = False,
) -> Response:
    """Protect a label of the project, or lift its protection."""
    Prompts(server.store).protect(project, label.strip(), on=on, may_promote=actor.may_promote)
    return RedirectResponse(url("/prompts", project), status_code=303)


@router.post("/prompt-delete", dependencies=[Csrf])
def delete_prompt(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, name: Annotated[str, Form()]
) -> Response:
    """Delete a prompt with its versions; the page asked first, with the count."""
    Prompts(server.store).delete(project, name, may_promote=actor.may_promote)
    server.prompt_answers.forget()
    return RedirectResponse(url("/prompts", project), status_code=303)


@router.get("/prompts/{name:path}")
def prompt_page(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    name: str,
    *,
    v: str = "",
    tab: str = "changes",
    against: str = "",
    range_key: Annotated[str, Query(alias="range")] = DEFAULT_RANGE,
    lines: bool = False,
) -> Response:
    """Show one version of a prompt, and how each does."""
    prompts = Prompts(server.store)
    prompt = prompts.find(project, name)
    versions = prompts.versions(prompt)
    clock = clock_of(request)
    shown = _chosen(versions, v) or _chosen(versions, str(prompt.labels.get("production", ""))) or versions[0]
    older = [one for one in versions if one.number < shown.number]
    other = _chosen(versions, against) or (older[0] if older else None)
    view = View(
        prompt,
        shown.number,
        tab if tab in TABS else "changes",
        other.number if other is not None and _chosen(versions, against) is other else None,
        range_key if range_key in RANGES else DEFAULT_RANGE,
        lines,
    )
    steps = _steps(server, project, view.preset, clock)
    return render(
        request,
        "pages/prompt.html",
        view=view,
        prompt=prompt,
        path=prompt_path(prompt.name),
        asked=lambda record: question_text(record.reading),
        answered=lambda record: answer_text(record.reading),
        locked=frozenset() if actor.may_promote else prompts.protected(project),
        versions=versions,
        shown=shown,
        other=other,
        tabs=TABS,
        ranges=[PRESETS[key] for key in RANGES],
        newest=versions[0],
        production=prompt.labels.get("production"),
        term=lambda version: f"prompt:{quoted(f'{prompt.name}@{version.said_as}')}",
        **_tab(server, view, shown, other, versions, steps, clock.now_ns),
    )


def _tab(
    server: Server,
    view: View,
    shown: Version,
    other: Version | None,
    versions: list[Version],
    steps: Steps,
    now_ns: int,
) -> dict[str, Any]:
    """Return what the open tab alone needs."""
    found: dict[str, Any] = {
        "diff": None, "rows": (), "pairs": (), "failed": (), "failing": (), "moves": (),
        "blocks": message_blocks(shown.source), "pieces": (), "findings": (), "examples": (),
    }  # fmt: skip
    store, prompt = server.store, view.prompt
    if view.tab == "changes" and other is not None:
        found["diff"] = diff = changes(other.content, shown.content)
        texts = as_text(other.content), as_text(shown.content)
        found["pieces"] = marked(lines_changed(*texts) if view.by_lines else diff.pieces, shown.content.format)
    if view.tab in {"changes", "template"}:
        found["rows"] = figures(store, prompt, versions[:_MEASURED], steps)
    if view.tab == "answers" and other is not None:
        found["pairs"] = answers_to_the_same(store, prompt, other, shown, steps)
    if view.tab == "failures":
        found["rows"] = figures(store, prompt, [shown], steps)
        found["failed"] = failed_calls(store, prompt, shown, steps)
        found["failing"] = [(row, row_of(row.example)) for row in failed_rows(store, prompt, shown)]
    if view.tab == "checks":
        found["examples"] = answered = answered_examples(store, prompt, shown)
        found["findings"] = [*checks(store, prompt, shown, steps, now_ns), finding_of(answered)]
        found["providers"] = {name: known.words for name, known in PROVIDERS.items()}
        newest = newest_call(store, prompt, shown) if answered and not shown.content.model else None
        asked = Reading() if newest is None else newest.reading
        found["model"] = shown.content.model or asked.request_model or ""
        found["provider"] = provider_of(found["model"], asked.provider)
    if view.tab == "history":
        found["moves"] = Prompts(store).history(prompt)
    return found


def _steps(server: Server, project: str, preset: Preset, clock: Clock) -> Steps:
    """Return one step that is the whole range, on whole days so that rollups can tell."""
    end = clock.now_ns // DAY_NS * DAY_NS + DAY_NS
    if preset.ns is not None:
        first = (end - preset.ns) // DAY_NS * DAY_NS
    else:
        known = server.store.range_of_calls(project)
        first = end - DAY_NS if known is None else min(known[0], end - DAY_NS) // DAY_NS * DAY_NS
    return Steps(first, end - first, 1)


def _chosen(versions: list[Version], number: str) -> Version | None:
    return next((one for one in versions if str(one.number) == number), None)


def _form(name: str, content: Content, note: str, label: str, base: Version | None) -> dict[str, Any]:
    def pretty(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, indent=2) if value else ""

    return {
        "name": name, "base": base, "is_chat": content.is_chat, "note": note, "label": label,
        "text": content.template if isinstance(content.template, str) else "",
        "messages": content.messages if content.is_chat else [],
        "format": content.format, "formats": FORMATS, "model": content.model or "", "params": pretty(content.params),
        "tools": pretty(list(content.tools)), "schema": pretty(content.output_schema),
    }  # fmt: skip


def _typed(asked: AskedVersion) -> Any:
    if asked.kind != "chat":
        return asked.text
    return [{"role": role, "content": content} for role, content in zip(asked.role, asked.content, strict=False)]


def _json(text: str, what: str, kind: type) -> Any:
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadPrompt(f"The {what} are not JSON: {error}.", "Correct them, or leave them out.") from error
    if not isinstance(value, kind):
        raise BadPrompt(f"The {what} are no JSON {'object' if kind is dict else 'list'}.", "Correct or leave out.")
    return value


def _open(prompt: Prompt, number: int | None) -> Response:
    params = {"v": number}
    return RedirectResponse(url(prompt_path(prompt.name), prompt.project, params), status_code=303)
