"""Seals over the journal: a signed log of every transaction, and proofs from it."""

from __future__ import annotations
