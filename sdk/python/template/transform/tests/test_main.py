from main import Bid, HighBids

from weir import testing


def test_high_bids_are_passed_on_with_tax() -> None:
    results = testing.transform(HighBids(price_min=100), [Bid(99), Bid(100), Bid(250), Bid(-1)])
    assert results.main() == [{"price": 100, "price_with_tax": 120}, {"price": 250, "price_with_tax": 300}]
    assert results.rejected() == [(3, "the price is -1")]
