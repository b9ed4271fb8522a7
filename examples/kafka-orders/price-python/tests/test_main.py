import pytest
from main import Order, Price

from weir import testing

PRICE = Price(prices={"espresso": 240, "flat white": 360}, test_customer="smoke-test")


def test_items_are_added_up_and_tests_are_dropped() -> None:
    orders = [("old-mill", "2x espresso, 1x flat white"), ("smoke-test", "1x espresso"), ("town-hall", "3x espresso")]
    results = testing.transform(PRICE, [Order(*order) for order in orders])
    assert [(row["customer"], row["cents"]) for row in results.main()] == [("old-mill", 840), ("town-hall", 720)]


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ("1x espresso, 1x esspresso", 'item "1x esspresso": not in the price list'),
        ("0x espresso", 'item "0x espresso": the quantity is not between 1 and 999'),
        ("1000x espresso", 'item "1000x espresso": the quantity is not between 1 and 999'),
        ("-1x espresso", 'item "-1x espresso": the quantity is no number'),
        ("espresso", 'item "espresso": not like "2x espresso"'),
        ("", 'item "": not like "2x espresso"'),
    ],
)
def test_an_order_with_a_bad_item_is_refused_as_a_whole(items: str, why: str) -> None:
    results = testing.transform(PRICE, [Order("old-mill", items)])
    assert (results.main(), results.rejected()) == ([], [(0, why)])
