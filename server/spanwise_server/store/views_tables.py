"""The table of saved views, as a SQLModel class. Times are nanoseconds since 1970."""

from __future__ import annotations

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel


class SavedViewRow(SQLModel, table=True):
    """The state of one page of a project, under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("project_id", "place", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    place: str = Field(max_length=16)
    name: str = Field(max_length=80)
    query: str
    """What stands after the question mark of its URL, the project left out."""
    is_default: bool = False
    created_by: str = ""
    created_ns: int = Field(sa_type=BigInteger)
