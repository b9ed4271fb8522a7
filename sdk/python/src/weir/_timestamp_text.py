"""Instants in text, as logs have them."""

from __future__ import annotations

import datetime
import re

from ._times import from_datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"(\d\d):(\d\d):(\d\d)(?:[.,](\d+))? ?(Z|z|[+-]\d\d:?\d\d)?"
_RFC_3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ]" + _TIME, re.ASCII)
_WEB_SERVER = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):" + _TIME, re.ASCII)


def parse_timestamp(text: str) -> int:
    """Reads an instant in one of these forms, as microseconds since the epoch: RFC 3339 (`2024-05-01T12:30:00.25+02:00`), the same with
    a space, and that of logs of web servers (`01/May/2024:12:30:00 +0200`).

    Without an offset it is UTC. A fraction has six digits that are not zero at most, because nothing is cut off; second 60 is the
    first of the next minute. Anything else is a `ValueError`.
    """
    trimmed = text.strip()
    found = _RFC_3339.fullmatch(trimmed)
    try:
        if found:
            year, month, day = int(found[1]), int(found[2]), int(found[3])
        else:
            found = _WEB_SERVER.fullmatch(trimmed)
            if not found:
                raise ValueError
            day, month, year = int(found[1]), _MONTHS.index(found[2]) + 1, int(found[3])
        hour, minute, second = int(found[4]), int(found[5]), int(found[6])
        fraction = (found[7] or "").ljust(6, "0")
        if second > 60 or fraction[6:].strip("0"):
            raise ValueError
        # The calendar of datetime begins with year 1; 400 years have the same days everywhere.
        eras = 1 if year == 0 else 0
        time = datetime.datetime(year + 400 * eras, month, day, hour, minute, 0, 0, datetime.timezone.utc)
        micros = from_datetime(time) - eras * 146_097 * 86_400_000_000
        return micros + second * 1_000_000 + int(fraction[:6]) - _offset(found[8])
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2024-05-01T12:30:00Z or 01/May/2024:12:30:00 +0200") from None


def _offset(text: str | None) -> int:
    if text is None or text in "Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError
    return (hours * 60 + minutes) * 60_000_000 * (1 if text[0] == "+" else -1)
