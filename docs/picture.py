"""Draws a terminal's text as an SVG picture.

Usage: lockstep demo --seconds 16 | python3 docs/picture.py > docs/demo.svg
"""

import html
import sys

COLUMNS, ROWS, WIDTH, LINE = 124, 38, 8.2, 19
COLOURS = {"✎": "#e5c07b", "→": "#98c379", "←": "#61afef", "⇎": "#e06c75", "↔": "#c678dd"}


def colour(text):
    """Returns the colour of a line by the sign in it."""
    if text.lstrip().startswith("["):
        return "#7f8896"
    for sign, name in COLOURS.items():
        if f" {sign} " in text[:14]:
            return name
    return "#d7dae0"


def main():
    lines = [line.rstrip("\n")[:COLUMNS] for line in sys.stdin][:ROWS]
    width, height = int(COLUMNS * WIDTH) + 40, len(lines) * LINE + 50
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          f'viewBox="0 0 {width} {height}" role="img" aria-label="lockstep demo in a terminal">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#1e2127"/>')
    for at, fill in enumerate(("#e06c75", "#e5c07b", "#98c379")):
        print(f'<circle cx="{20 + at * 18}" cy="16" r="5" fill="{fill}"/>')
    print('<g font-family="ui-monospace,Menlo,DejaVu Sans Mono,monospace" font-size="13.5">')
    for at, line in enumerate(lines):
        text = html.escape(line).replace(" ", "\u00a0")
        print(f'<text x="20" y="{46 + at * LINE}" fill="{colour(line)}" '
              f'xml:space="preserve">{text}</text>')
    print("</g></svg>")


main()
