"""Rubrics in versions, what every label answered, and who has which item in hand; what was there is carried over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _tables()
    _columns()
    connection = op.get_bind()
    wording = _rubrics_of_queues(connection)
    _answers_of_events(connection, wording)
    _slots_of_items(connection)


def _tables() -> None:
    op.create_table(
        "rubrics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rubrics_project_id", "rubrics", ["project_id"])
    op.create_table(
        "rubric_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rubric_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rubric_id"], ["rubrics.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("rubric_id", "number"),
    )
    op.create_table(
        "slots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("extra", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("annotator_id", sa.String(), nullable=True),
        sa.Column("assigned_to", sa.String(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=True),
        sa.Column("done_ns", sa.BigInteger(), nullable=True),
        sa.Column("annotation_id", sa.String(length=64), nullable=True),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("item_id", "number"),
        sa.UniqueConstraint("item_id", "annotator_id"),
    )
    op.create_index("ix_slots_next", "slots", ["queue_id", "state"])


def _columns() -> None:
    for column in (
        sa.Column("rubric_version_id", sa.Integer(), nullable=True),
        sa.Column("answers", sa.JSON(), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=True),
        sa.Column("assisted", sa.Boolean(), nullable=True),
        sa.Column("revealed", sa.Boolean(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("client_ns", sa.BigInteger(), nullable=True),
    ):
        op.add_column("label_events", column)
    op.create_index("ix_label_events_rubric_version_id", "label_events", ["rubric_version_id"])
    for column in (
        sa.Column("rubric_id", sa.Integer(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False, server_default="span"),
        sa.Column("people", sa.JSON(), nullable=True),
        sa.Column("assisted", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("recipe", sa.JSON(), nullable=True),
        sa.Column("rule", sa.JSON(), nullable=True),
    ):
        op.add_column("queues", column)
    op.create_index("ix_queues_rubric_id", "queues", ["rubric_id"])
    for column in (
        sa.Column("session_id", sa.String(), nullable=False, server_default=""),
        sa.Column("other_trace_id", sa.String(), nullable=False, server_default=""),
        sa.Column("other_span_id", sa.String(), nullable=False, server_default=""),
        sa.Column("reason", sa.String(), nullable=False, server_default=""),
        sa.Column("p_incl", sa.Float(), nullable=True),
    ):
        op.add_column("items", column)


def _questions(text: str, name: str) -> list[dict[str, Any]]:
    def option(value: str, words: str) -> dict[str, Any]:
        return {"value": value, "words": words, "guidance": "", "examples": []}

    return [
        {
            "name": name, "kind": "binary", "text": text, "guidance": "", "required": True, "critique": True,
            "options": [option("pass", "Pass"), option("fail", "Fail")],
        },
        {
            "name": _expected(name), "kind": "correction", "text": "Expected answer", "guidance": "",
            "required": False, "critique": True, "options": [],
        },
    ]  # fmt: skip


def _expected(name: str) -> str:
    return "expected" if name != "expected" else "expected answer"


def _rubrics_of_queues(connection: sa.Connection) -> dict[int, int]:
    """Give every queue a rubric of its one question; queues that ask the same share it. Return version by queue."""
    metadata = sa.MetaData()
    queues, rubrics, versions = (
        sa.Table(name, metadata, autoload_with=connection) for name in ("queues", "rubrics", "rubric_versions")
    )
    kept: dict[tuple[int, str, str], tuple[int, int]] = {}
    wording: dict[int, int] = {}
    for queue in connection.execute(sa.select(queues).order_by(queues.c.id)).mappings().all():
        asked = queue["project_id"], queue["question"], queue["annotation_name"]
        if asked not in kept:
            facts = {"created_by": queue["created_by"], "created_ns": queue["created_ns"]}
            rubric = connection.execute(
                rubrics.insert().values(project_id=queue["project_id"], name=queue["question"], **facts)
            ).inserted_primary_key
            version = connection.execute(
                versions.insert().values(
                    rubric_id=rubric[0],
                    number=1,
                    questions=_questions(queue["question"], queue["annotation_name"]),
                    note="",
                    **facts,
                )
            ).inserted_primary_key
            kept[asked] = rubric[0], version[0]
        connection.execute(queues.update().where(queues.c.id == queue["id"]).values(rubric_id=kept[asked][0]))
        wording[queue["id"]] = kept[asked][1]
    return wording


def _answers_of_events(connection: sa.Connection, wording: dict[int, int]) -> None:
    metadata = sa.MetaData()
    events, queues = (sa.Table(name, metadata, autoload_with=connection) for name in ("label_events", "queues"))
    blind = {row.id: bool(row.blind) for row in connection.execute(sa.select(queues.c.id, queues.c.blind))}
    for event in connection.execute(sa.select(events)).mappings().all():
        said = (event["after"] or {}).get("annotation") if event["action"] == "set" else None
        values: dict[str, Any] = {
            "rubric_version_id": wording.get(event["queue_id"]),
            "blind": blind.get(event["queue_id"]),
        }
        if said is not None:
            values["answers"] = _answers(said)
        connection.execute(events.update().where(events.c.id == event["id"]).values(**values))


def _answers(said: dict[str, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if said.get("label") is not None or said.get("explanation"):
        critique = {"critique": said["explanation"]} if said.get("explanation") else {}
        answers[said["name"]] = {"value": said.get("label"), **critique}
    if said.get("correction") is not None:
        answers[_expected(said["name"])] = {"value": said["correction"]}
    return answers


def _slots_of_items(connection: sa.Connection) -> None:
    """Give every item the one label it wants; it is done by whoever did it, and more labels are kept as extra."""
    metadata = sa.MetaData()
    items, events, labels, slots = (
        sa.Table(name, metadata, autoload_with=connection) for name in ("items", "label_events", "annotations", "slots")
    )
    undone = {row.undoes for row in connection.execute(sa.select(events.c.undoes)) if row.undoes is not None}
    standing = {row.id for row in connection.execute(sa.select(labels.c.id))}
    latest: dict[int, dict[str, Any]] = {}
    for event in connection.execute(sa.select(events).order_by(events.c.id)).mappings():
        if event["item_id"] is not None and event["action"] in {"set", "defer"} and event["id"] not in undone:
            latest.setdefault(event["item_id"], {})[event["annotator_id"]] = event
    for item in connection.execute(sa.select(items).order_by(items.c.id)).mappings().all():
        rows = _slots(item, latest.get(item["id"], {}), standing)
        for number, row in enumerate(rows):
            facts = {"queue_id": item["queue_id"], "item_id": item["id"], "number": number, "assigned_to": ""}
            connection.execute(slots.insert().values(**facts, extra=number > 0, **row))


def _slots(item: Any, acts: dict[str, Any], standing: set[str]) -> list[dict[str, Any]]:
    done = [
        {
            "state": "done", "annotator_id": who, "done_ns": act["at_ns"], "annotation_id": act["annotation_id"],
            "event_id": act["id"],
        }
        for who, act in acts.items()
        if act["action"] == "set" and act["annotation_id"] in standing
    ]  # fmt: skip
    done.sort(key=lambda row: row["annotation_id"] != item["annotation_id"])
    if item["state"] == "done" and done:
        return done
    last = max(acts.values(), key=lambda act: act["id"], default=None)
    if item["state"] == "deferred" and last is not None and last["action"] == "defer":
        done = [row for row in done if row["annotator_id"] != last["annotator_id"]]
        return [{"state": "deferred", "annotator_id": last["annotator_id"], "event_id": last["id"]}, *done]
    return [{"state": item["state"] if item["state"] != "todo" else "open"}, *done]


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
