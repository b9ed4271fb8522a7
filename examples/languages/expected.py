"""Computes what the pipeline must give, from the whole file at once and without Weir: python3 expected.py"""

import csv
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from tomllib import loads

FOLDER = Path(__file__).parent
NAMES = loads((FOLDER / "pipeline.toml").read_text())["operators"]["airline"]["config"]["names"]


def write(name, header, rows):
    with (FOLDER / "expected" / name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *sorted(rows)])


def time(text):
    return datetime.fromisoformat(text.removesuffix("Z"))


def text(time):
    return time.isoformat() + "Z"


with (FOLDER / "../flights/data/flights-2013-01.csv").open() as file:
    flights = list(csv.DictReader(file))
known = [flight for flight in flights if flight["carrier"] in NAMES]

groups = defaultdict(list)
for flight in known:
    hour = time(flight["departed"]).hour
    part = "night" if hour < 5 else "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    # The last ones left in the first hours of February.
    month = "2013-01-01T00:00:00Z" if flight["departed"] < "2013-02" else "2013-02-01T00:00:00Z"
    groups[NAMES[flight["carrier"]], part, month].append(flight)
when_to_fly = []
for key, group in groups.items():
    speeds = [int(flight["distance"]) * 60 // int(flight["air_time"]) for flight in group if flight["air_time"]]
    punctual = sum(int(flight["dep_delay"]) <= 15 for flight in group)
    when_to_fly.append([*key, len(group), sum(speeds) / len(speeds) if speeds else "", 100 * punctual / len(group)])
write("when-to-fly.csv", ["airline", "part_of_day", "window_start", "flights", "mean_mph", "punctual"], when_to_fly)

board = []
for flight in known:
    hours, minutes = divmod(int(flight["dep_delay"]), 60)
    if hours >= 3:
        line = f"{NAMES[flight['carrier']]} {flight['flight']} to {flight['dest']}: {hours} h {minutes} min late"
        board.append([flight["departed"], flight["origin"], line])
write("board.csv", ["departed", "origin", "line"], board)

very_late = sorted({(flight["tailnum"], time(flight["departed"])) for flight in known if int(flight["dep_delay"]) > 60})
knock_on = []
for (plane, first), (next_plane, again) in zip(very_late, very_late[1:]):
    if plane == next_plane and again - first <= timedelta(hours=8):
        knock_on.append([plane, text(again), (again - first) // timedelta(minutes=1)])
write("knock-on.csv", ["tailnum", "departed", "minutes_after"], knock_on)

refused = [
    [flight["departed"], flight["carrier"], flight["flight"], f'no airline has the code "{flight["carrier"]}"']
    for flight in flights
    if flight["carrier"] not in NAMES
]
write("refused.csv", ["departed", "carrier", "flight", "error"], refused)
