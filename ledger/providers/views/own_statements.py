"""A provider's pages about what it was and will be paid."""

from __future__ import annotations

from flask import Response, render_template, request

from ledger.messages import N_
from ledger.providers.queries import statements as queries
from ledger.providers.views.own import provider_id, today
from ledger.providers.views.payout_words import csv, payout_room
from ledger.web import auth, navigation, unit

blueprint = payout_room("own_statements", __name__)
navigation.add("provider", N_("Payments"), "own_statements.index")


@blueprint.get("/provider/statements")
@auth.roles("provider")
def index() -> str:
    """Show what is on its way with the day it will be paid, and the statements so far."""
    own = provider_id()
    with unit.reading() as session:
        upcoming = queries.upcoming(session, own, today())
        page = queries.statements(session, own, cursor=request.args.get("cursor"))
    return render_template("providers/own_statements.html", upcoming=upcoming, page=page)


@blueprint.get("/provider/statements/<statement_id>")
@auth.roles("provider")
def show(statement_id: str) -> str:
    """Show one statement."""
    with unit.reading() as session:
        statement = queries.statement(session, statement_id, provider_id())
        lines = queries.lines(session, statement_id)
    return render_template("providers/own_statement.html", statement=statement, lines=lines)


@blueprint.get("/provider/statements/<statement_id>/lines.csv")
@auth.roles("provider")
def download(statement_id: str) -> Response:
    """Download the lines of a statement."""
    with unit.reading() as session:
        statement = queries.statement(session, statement_id, provider_id())
        return csv(statement, queries.lines(session, statement_id))
