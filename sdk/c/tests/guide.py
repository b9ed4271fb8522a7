"""Writes the examples of pages into a folder: guide.py FOLDER PAGE... Those with a name get it; the others are numbered."""

import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
pages = [pathlib.Path(page).read_text() for page in sys.argv[2:]]
blocks = [block for page in pages for block in re.findall(r"(?:`([\w/.]+)`:\n\n)?```(c|cpp)\n(.*?)```", page, re.S)]
for number, (name, language, code) in enumerate(blocks):
    file = folder / (name or f"src/example{number}.{language}")
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text() != code:
        file.write_text(code)
