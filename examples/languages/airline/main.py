"""Says which airline flew: the table of names in the configuration has one for each code."""

import weir


@weir.row
class Flight:
    """What it reads."""

    carrier: str


@weir.row(keep=weir.ALL)
class Named:
    """What it emits: the flight as it is, and the name of its airline."""

    airline: str


@weir.transform
class Airline:
    """Which airline flew."""

    names: dict[str, str]

    def process(self, flight: Flight) -> Named:
        if flight.carrier not in self.names:
            raise weir.RowError(f'no airline has the code "{flight.carrier}"')
        return Named(airline=self.names[flight.carrier])
