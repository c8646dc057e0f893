"""The tables of people with accounts, as SQLModel classes. Times are nanoseconds since 1970."""

from __future__ import annotations

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel


class UserRow(SQLModel, table=True):
    """A person who logs in under a name of their own; of the password only its hash is kept."""

    __tablename__ = "users"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    password_hash: str
    created_ns: int = Field(sa_type=BigInteger)


class MembershipRow(SQLModel, table=True):
    """What a person is in one project, or, without a project, in all of them."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("user_id", "project_id"),)
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="users.id", index=True)
    project_id: int | None = Field(default=None, foreign_key="projects.id")
    role: str = Field(max_length=16)
