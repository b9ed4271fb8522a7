from main import Jumps

import weir
from weir import testing


@weir.row
class Given:
    """What comes in."""

    sensor: int
    celsius: float
    at: weir.EventTime


SECOND = 1_000_000


def test_a_jump_and_then_silence() -> None:
    jumps = testing.KeyedHarness(Jumps(degrees=2.0, silence_seconds=1), Given, key_by=["sensor"])
    results = jumps.process([Given(1, 20.0, 0), Given(2, 30.0, 0), Given(1, 25.0, SECOND), Given(2, 31.0, SECOND)])
    assert results.main() == [{"sensor": 1, "celsius": 25.0, "degrees": 5.0}]

    results = jumps.advance_to(2 * SECOND)
    assert results.side("silent") == [{"sensor": 1}, {"sensor": 2}]
    assert jumps.states() == {}
