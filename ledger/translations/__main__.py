"""``python -m ledger.translations [check]``: bring the catalogues in line, or only look."""

from __future__ import annotations

import sys

import click

from ledger import translations


def main(arguments: list[str]) -> int:
    """Update and compile, or with ``check`` only report; return 1 when something is missing."""
    if arguments not in ([], ["check"]):
        click.echo(__doc__, err=True)
        return 2
    if not arguments:
        for language in translations.LANGUAGES:
            translations.update(language)
        translations.compile_all()
    found = translations.flaws()
    for flaw in found:
        click.echo(str(flaw))
    click.echo(f"{len(found)} to do" if found else "complete", err=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
