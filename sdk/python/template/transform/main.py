"""Keeps the bids that are high enough, and adds their price with tax."""

import weir


@weir.row
class Bid:
    """The columns that it reads, by name. More columns may come; they cost nothing."""

    price: int


@weir.row(keep=weir.ALL)
class Taxed:
    """The columns that it emits: all of the input, and one more."""

    price_with_tax: int


@weir.transform
class HighBids:
    """High bids, with tax.

    The fields are the configuration: `config = { price-min = 100 }` in the pipeline file.
    """

    price_min: int

    def process(self, bid: Bid) -> Taxed | None:
        if bid.price < 0:
            # `on-error` in the pipeline file says what happens to this row.
            raise weir.RowError(f"the price is {bid.price}")
        if bid.price >= self.price_min:
            return Taxed(price_with_tax=bid.price + bid.price // 5)
        return None
