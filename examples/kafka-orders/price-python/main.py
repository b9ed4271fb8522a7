"""Says what an order costs: takes its text apart, `2x espresso, 1x croissant`, and adds up the prices.

Orders of the test customer are dropped. An order with an item that is not in the price list, or none of it, is refused,
never priced in part.
"""

import weir

# More of one product than this is a typing error.
QUANTITY_MAX = 999


@weir.row
class Order:
    """What it reads."""

    customer: str
    items: str


@weir.row(keep=weir.ALL)
class Priced:
    """What it emits: the order as it is, and what it costs."""

    cents: int


@weir.transform
class Price:
    """What an order costs.

    Config: `prices`, cents per product, and `test-customer`, whose orders do not count.
    """

    prices: dict[str, weir.UInt32]
    test_customer: str | None = None

    def process(self, order: Order) -> Priced | None:
        if order.customer == self.test_customer:
            return None
        return Priced(cents=sum(self.cents(item.strip(" ")) for item in order.items.split(",")))

    def cents(self, item: str) -> int:
        """What an item like `2x espresso` costs."""
        quantity, x, product = item.partition("x ")
        if not x:
            raise refused(item, 'not like "2x espresso"')
        if not (quantity.isascii() and quantity.isdigit()):
            raise refused(item, "the quantity is no number")
        if not 1 <= int(quantity) <= QUANTITY_MAX:
            raise refused(item, f"the quantity is not between 1 and {QUANTITY_MAX}")
        if product not in self.prices:
            raise refused(item, "not in the price list")
        return int(quantity) * self.prices[product]


def refused(item: str, why: str) -> weir.RowError:
    """An error that refuses the order."""
    return weir.RowError(f'item "{item}": {why}')
