"""What a visitor of the demonstration needs: how to sign in, and what is worth a look."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.certificates.models import Credential
from ledger.demo.world import World
from ledger.providers.models import Enrolment, Run

_NAMES = {"holder": "worker"}


def summarise(session: Session, world: World) -> dict[str, Any]:
    """Return the logins per role and the ids to try; addresses without their host."""
    users: dict[str, list[dict[str, str]]] = {}
    for login in world.logins:
        users.setdefault(_NAMES.get(login.role, login.role), []).append(
            {
                "name": login.name,
                "sign_in": login.sign_in,
                "password": world.password,
                "api_key": login.api_key,
            }
        )
    account = world.holders[0][0]
    credential = session.scalars(
        select(Credential)
        .where(Credential.status == "issued")
        .order_by((Credential.account_id == account.id).desc(), Credential.id.desc())
        .limit(1)
    ).one()
    enrolment = session.get_one(Enrolment, credential.enrolment_id)
    run = session.scalars(
        select(Run)
        .where(Run.starts_on > func.current_date(), Run.status == "planned")
        .order_by(Run.starts_on, Run.id)
        .limit(1)
    ).one()
    return {
        "users": users,
        "account": {"id": account.id, "number": account.number},
        "scheme": {"id": world.schemes["national"].id},
        "course": {"id": run.course_id},
        "run": {"id": run.id},
        "enrolment": {"id": enrolment.id},
        "credential": {
            "id": credential.id,
            "pdf_url": f"/credentials/{credential.id}.pdf",
            "verify_url": f"/v/{credential.token}",
        },
    }


def keep(path: Path, summary: dict[str, Any]) -> None:
    """Write the summary where only its owner can read it: it holds passwords of the demo."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(summary, file, ensure_ascii=False, indent=2)


def kept(path: Path, public_url: str) -> dict[str, Any]:
    """Return the summary that was written when the demonstration was made."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for name in ("pdf_url", "verify_url"):
        found["credential"][name] = public_url + found["credential"][name]
    return found
