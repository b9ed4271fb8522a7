"""Writes the C examples of the guide's page into a folder: guide.py PAGE FOLDER. Those with a name get it; the others are numbered."""

import pathlib
import re
import sys

page, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
blocks = re.findall(r"(?:`([\w/.]+)`:\n\n)?```(c|cpp)\n(.*?)```", page.read_text(), re.S)
for number, (name, language, code) in enumerate(blocks):
    file = folder / (name or f"src/example{number}.{language}")
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text() != code:
        file.write_text(code)
