from main import Reading, Spread

from weir import testing


def test_it_does_not_matter_how_the_rows_are_cut() -> None:
    readings = [Reading(3.0), Reading(-1.0), Reading(2.0)]
    for cut in range(len(readings) + 1):
        result = testing.aggregate(Spread(unit=0.5), [readings[:cut], readings[cut:]])
        assert result.main() == [{"spread": 8.0}], f"cut at {cut}"
