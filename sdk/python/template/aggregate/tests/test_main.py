from main import Flight, Spread

from weir import testing


def test_it_does_not_matter_how_the_rows_are_cut() -> None:
    flights = [Flight(30), Flight(None), Flight(-10), Flight(20)]
    for cut in range(len(flights) + 1):
        result = testing.aggregate(Spread(unit_minutes=20), [flights[:cut], flights[cut:]])
        assert result.main() == [{"spread": 2.0}], f"cut at {cut}"
