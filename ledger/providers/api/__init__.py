"""The JSON API of this room, one module per noun."""

from __future__ import annotations

from ledger.providers.api import catalogue, enrolments
from ledger.web.openapi import Blueprint

blueprints: tuple[Blueprint, ...] = (catalogue.blueprint, enrolments.blueprint)
