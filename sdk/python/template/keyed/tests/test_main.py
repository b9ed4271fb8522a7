from main import MINUTE, Jumps

import weir
from weir import testing


@weir.row
class Given:
    """What comes in."""

    carrier: str
    dep_delay: int
    departed: weir.EventTime


def test_a_jump_and_then_silence() -> None:
    jumps = testing.KeyedHarness(Jumps(minutes=30, silence_minutes=60), Given, key_by=["carrier"])
    flights = [Given("UA", 0, 0), Given("AA", 5, 0), Given("UA", 40, 10 * MINUTE), Given("AA", 6, 10 * MINUTE)]
    results = jumps.process(flights)
    assert results.main() == [{"carrier": "UA", "dep_delay": 40, "jump": 40}]

    results = jumps.advance_to(70 * MINUTE)
    assert results.side("silent") == [{"carrier": "UA"}, {"carrier": "AA"}]
    assert jumps.states() == {}
