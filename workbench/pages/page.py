"""The shell of every page: one HTML file, complete in itself.

Its policy forbids the browser to run or to load anything, so that a page is safe to open and works offline, by mail
and in ten years. A page that is searched has a script of ours, which the policy names by its digest: nothing else runs.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
SHELL = Markup("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<header class="top"><div>
{header}
</div></header>
<main><div>
{body}
</div></main>
<footer><p>Made with the notebook workbench. This page holds all it shows and loads nothing.</p></footer>{script}
</body>
</html>
""")


def page(title: str, *, header: Markup, body: Markup, style: str = "", script: str = "") -> str:
    """Put a page together; `style` is added to the house's style sheet. It and `script` must be our own text."""
    house = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    sheet = Markup(house + style)  # noqa: S704  # both are files of programs, never of users
    code = Markup("\n<script>{}</script>").format(Markup(script)) if script else Markup()  # noqa: S704  # as above
    policy = f"{POLICY}; script-src '{_named(script)}'" if script else POLICY
    return str(SHELL.format(policy=policy, title=title, style=sheet, header=header, body=body, script=code))


def _named(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
