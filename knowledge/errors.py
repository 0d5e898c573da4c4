"""Errors of the knowledge base."""

from __future__ import annotations

from core.errors import HubError


class KnowledgeError(HubError):
    """A file of the knowledge base is broken; ``values['problems']`` lists each with file, line and reason."""

    code = "knowledge_broken"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems=problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class EntryNotFoundError(HubError):
    """There is no entry with this id."""

    code = "entry_not_found"
    status = 404


class ContactInvalidError(HubError):
    """A service's contact cannot be as it was written; ``values['field']`` is phone, email or url."""

    code = "contact_invalid"
    status = 422
    sentence = "office.contacts.wrong_{field}"
