from main import Classify, Flight

from weir import testing


def test_flights_that_left_are_classified() -> None:
    results = testing.transform(Classify(late_after_minutes=15), [Flight(20), Flight(None), Flight(-3), Flight(-2000)])
    assert results.main() == [{"dep_delay": 20, "late": True}, {"dep_delay": -3, "late": False}]
    assert results.rejected() == [(3, "it left 2000 minutes before its time")]
