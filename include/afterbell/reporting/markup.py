"""A few lines of HTML: every text goes through ``escape``, so nothing from the data is ever markup."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#16202c;--muted:#5c6875;--line:#dfe4ea;
--good:#2a8a5f;--bad:#c2503f;--hold:#b07a16;--series-0:#2b5fd0;--series-1:#d9822b;--series-2:#2a8a5f;--series-3:#8a4fbf}
@media (prefers-color-scheme:dark){:root{--page:#10151c;--card:#18202a;--ink:#e8edf3;--muted:#9aa7b5;--line:#2c3743;
--good:#4bb888;--bad:#e57e6c;--hold:#e0ac4b;--series-0:#7aa2ff;--series-1:#f2a65a;--series-2:#4bb888;--series-3:#c08cf0}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;margin:0 0 4px}
h2{font-size:19px;margin:34px 0 10px}h3{font-size:15px;margin:18px 0 6px;color:var(--muted);font-weight:600}
.sub{color:var(--muted);margin:0}.card{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:14px 16px;overflow-x:auto}.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));
gap:14px}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin-top:14px}
.tile b{display:block;font-size:22px;font-variant-numeric:tabular-nums}.tile span{color:var(--muted);font-size:13px}
.verdict{margin-top:18px;border-left:5px solid var(--tone)}
.verdict b{display:block;font-size:20px;color:var(--tone)}.publish{--tone:var(--good)}.keep{--tone:var(--series-0)}
.hold{--tone:var(--hold)}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th,td{padding:5px 7px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--muted);font-weight:600}th:first-child,td:first-child{text-align:left}tr:last-child td{border-bottom:0}
td.wide,.whole td.words{white-space:normal;text-align:left;overflow-wrap:anywhere}
.whole th.words{text-align:left}.whole th{white-space:normal}
.whole td{overflow-wrap:anywhere}.whole .day{white-space:nowrap}.plot{max-width:720px}
.whole .raw{font:12px/1.45 ui-monospace,"DejaVu Sans Mono",monospace}a{color:var(--series-0)}
:target{outline:2px solid var(--series-0);outline-offset:4px}
@media (max-width:760px){.whole thead{display:none}
.whole tr{display:block;padding:6px 0;border-bottom:1px solid var(--line)}
.whole td,.whole td.words,.whole .day{display:grid;grid-template-columns:8.5em minmax(0,1fr);gap:8px;
padding:2px 0;border:0;text-align:left;white-space:normal;min-width:0}
.whole td::before{content:attr(data-name);color:var(--muted)}}
tr.strong td{font-weight:600}
svg{width:100%;height:auto;display:block}svg text{font-family:inherit!important}
pre{margin:0;font-size:12.5px;white-space:pre-wrap;overflow-wrap:anywhere}
"""


def page(title: str, body: Iterable[str]) -> str:
    """One self-contained HTML document; ``body`` is markup already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def subtitle(text: str) -> str:
    """A line below the title."""
    return f'<p class="sub">{escape(text)}</p>'


def verdict(kind: str, outcome: str, reason: str) -> str:
    """The box with the outcome; ``kind`` gives its colour."""
    return card(f"<b>{escape(outcome)}</b><span>{escape(reason)}</span>", "verdict", kind)


def card(markup: str, *classes: str) -> str:
    """A box around markup."""
    return f'<div class="{escape(" ".join(("card", *classes)))}">{markup}</div>'


def note(text: str) -> str:
    """A box with a line of text, such as that there is nothing to show."""
    return card(escape(text))


def grid(boxes: Iterable[str]) -> str:
    """Boxes side by side where there is room."""
    return f'<div class="grid">{"".join(card(box) for box in boxes)}</div>'


def tiles(values: Mapping[str, str]) -> str:
    """Figures to read at a glance, each with its name below."""
    boxes = (card(f"<b>{escape(value)}</b><span>{escape(name)}</span>", "tile") for name, value in values.items())
    return f'<div class="tiles">{"".join(boxes)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], strong: str = "") -> str:
    """A table of text; the row whose first cell is ``strong`` stands out."""
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = []
    for row in rows:
        mark = ' class="strong"' if strong and row[0] == strong else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return card(f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table>")


def whole(
    rows: Sequence[Mapping[str, str]], words: Collection[str] = (), links: Mapping[str, str] | None = None
) -> str:
    """A table that cuts nothing off: text wraps, and on a narrow screen each row becomes a list.

    Args:
        rows: text by column, each with the same columns.
        words: columns of text, which stand to the left and wrap; the others are figures. ``raw`` is in fixed width.
        links: cells of the column ``symbol`` that lead somewhere on the page, by their text: the name of an anchor.
    """
    anchors = links or {}
    head = "".join(f"<th{_kind(name, words)}>{escape(name.replace('_', ' '))}</th>" for name in rows[0])
    lines = []
    for row in rows:
        cells = []
        for name, value in row.items():
            text = escape(value)
            if name == "symbol" and value in anchors:
                text = f'<a href="#{escape(anchors[value])}">{text}</a>'
            label = escape(name.replace("_", " "))
            cells.append(f'<td{_kind(name, words)} data-name="{label}"><span>{text}</span></td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return card(table, "whole")


def _kind(name: str, words: Collection[str]) -> str:
    kinds = ["words"] * (name in words) + ["raw"] * (name == "raw") + ["day"] * name.endswith("session")
    return f' class="{" ".join(kinds)}"' if kinds else ""


def anchored(text: str, name: str, level: int = 3) -> str:
    """A heading that a link can lead to."""
    return f'<h{level} id="{escape(name)}">{escape(text)}</h{level}>'


def pairs(values: Mapping[str, object]) -> str:
    """Names and values, one a line; long values wrap."""
    rows = (
        f'<tr><td>{escape(name)}</td><td class="wide">{escape(str(value))}</td></tr>' for name, value in values.items()
    )
    return card(f"<table><tbody>{''.join(rows)}</tbody></table>")
