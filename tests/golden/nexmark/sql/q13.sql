select auction, bidder, price, ts, 'side-' || (auction % 100) as value from bid
