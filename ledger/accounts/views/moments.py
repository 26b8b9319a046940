"""The moment that a page is asked about: ``?as_of=`` in its address, filled in by a small form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from ledger.accounts import moments
from ledger.accounts.moments import AsOf
from ledger.accounts.schemas import MomentForm
from ledger.errors import DomainError
from ledger.web import forms


@dataclass(frozen=True, slots=True)
class Asked:
    """The moment asked about, None for the present; ``errors`` and ``status`` when it is wrong."""

    then: AsOf | None = None
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    status: int = 200

    @property
    def context(self) -> dict[str, Any]:
        """Return what ``accounts/moments.html`` shows: the seal, and the form with its errors."""
        return {"then": self.then, "errors": self.errors, "values": request.args}


def asked(session: Session) -> Asked:
    """Return the moment in the address of this page."""
    try:
        moment = forms.load(MomentForm, request.args)["as_of"]
        return Asked(moments.as_of(session, moment) if moment else None)
    except DomainError as error:
        return Asked(errors=forms.texts(error), status=error.status)
